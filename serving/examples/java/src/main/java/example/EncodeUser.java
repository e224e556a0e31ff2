package example;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.StatusRuntimeException;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import tensorflow.BytesList;
import tensorflow.DataType;
import tensorflow.Example;
import tensorflow.Feature;
import tensorflow.Features;
import tensorflow.TensorProto;
import tensorflow.TensorShapeProto;
import tensorflow.serving.ModelSpec;
import tensorflow.serving.PredictRequest;
import tensorflow.serving.PredictResponse;
import tensorflow.serving.PredictionServiceGrpc;

/** Asks a served user encoder for the vector of one user. */
public final class EncodeUser {
  private EncodeUser() {}

  /**
   * Runs the command line.
   *
   * @param args host and port, the model's name, then the user's texts, oldest first
   */
  public static void main(String[] args) throws InterruptedException {
    if (args.length < 2) {
      System.err.println("arguments: HOST:PORT MODEL [TEXT ...], texts oldest first");
      System.exit(2);
    }
    List<String> texts = Arrays.asList(args).subList(2, args.length);
    ManagedChannel channel = ManagedChannelBuilder.forTarget(args[0]).usePlaintext().build();
    try {
      PredictResponse response =
          PredictionServiceGrpc.newBlockingStub(channel)
              .withDeadlineAfter(30, TimeUnit.SECONDS)
              .predict(request(args[1], texts));
      List<Float> vector = floats(response.getOutputsOrThrow("user_vector"));
      double sum = vector.stream().mapToDouble(value -> (double) value * value).sum();
      System.out.printf(
          Locale.ROOT,
          "%s version %d: %d numbers, norm %.3f, first %.4f%n",
          args[1],
          response.getModelSpec().getVersion().getValue(),
          vector.size(),
          Math.sqrt(sum),
          vector.get(0));
    } catch (StatusRuntimeException error) {
      System.err.println(
          error.getStatus().getCode() + ": " + error.getStatus().getDescription());
      System.exit(1);
    } finally {
      channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }
  }

  /** The request for one user; more users are more strings of the same tensor. */
  private static PredictRequest request(String model, List<String> texts) {
    BytesList.Builder behaviors = BytesList.newBuilder();
    texts.forEach(text -> behaviors.addValue(ByteString.copyFromUtf8(text)));
    Example example =
        Example.newBuilder()
            .setFeatures(
                Features.newBuilder()
                    .putFeature("behaviors", Feature.newBuilder().setBytesList(behaviors).build()))
            .build();
    return PredictRequest.newBuilder()
        // A model of before there was `user_vectors` is asked by `serving_default`.
        .setModelSpec(ModelSpec.newBuilder().setName(model).setSignatureName("user_vectors"))
        .putInputs(
            "examples",
            TensorProto.newBuilder()
                .setDtype(DataType.DT_STRING)
                .setTensorShape(
                    TensorShapeProto.newBuilder()
                        .addDim(TensorShapeProto.Dim.newBuilder().setSize(1)))
                .addStringVal(example.toByteString())
                .build())
        .addOutputFilter("user_vector")
        .build();
  }

  /**
   * Reads numbers as TF Serving sends them: as a list, or, with
   * --enable_serialization_as_tensor_content, as bytes.
   */
  private static List<Float> floats(TensorProto tensor) {
    long size = 1;
    for (TensorShapeProto.Dim dim : tensor.getTensorShape().getDimList()) {
      size *= dim.getSize();
    }
    List<Float> values = new ArrayList<>(tensor.getFloatValList());
    var content =
        tensor.getTensorContent().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    while (content.remaining() >= Float.BYTES) {
      values.add(content.getFloat());
    }
    // The last value stands for all that are left out.
    while (!values.isEmpty() && values.size() < size) {
      values.add(values.get(values.size() - 1));
    }
    if (tensor.getDtype() != DataType.DT_FLOAT || values.size() != size || size == 0) {
      throw new IllegalStateException(
          "No vector, but " + values.size() + " numbers of type " + tensor.getDtype());
    }
    return values;
  }
}
