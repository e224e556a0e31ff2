// Asks a served user encoder for the vector of one user.
//
//	go run . localhost:8500 demo "running shoes" "trail jacket"
package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"example/userencoder/tfserving"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: go run . HOST:PORT MODEL [TEXT ...], texts oldest first")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(target, model string, texts []string) error {
	connection, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	request, err := predictRequest(model, texts)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	response, err := tfserving.NewPredictionServiceClient(connection).Predict(ctx, request)
	if err != nil {
		return err
	}
	vector, err := floats(response.Outputs["user_vector"])
	if err != nil {
		return err
	}
	sum := 0.0
	for _, value := range vector {
		sum += float64(value) * float64(value)
	}
	fmt.Printf("%s version %d: %d numbers, norm %.3f, first %.4f\n",
		model, response.ModelSpec.GetVersion().GetValue(), len(vector), math.Sqrt(sum), vector[0])
	return nil
}

// predictRequest is for one user; more users are more strings of the same tensor.
func predictRequest(model string, texts []string) (*tfserving.PredictRequest, error) {
	behaviors := &tfserving.BytesList{}
	for _, text := range texts {
		behaviors.Value = append(behaviors.Value, []byte(text))
	}
	example, err := proto.Marshal(&tfserving.Example{Features: &tfserving.Features{
		Feature: map[string]*tfserving.Feature{
			"behaviors": {Kind: &tfserving.Feature_BytesList{BytesList: behaviors}},
		},
	}})
	if err != nil {
		return nil, err
	}
	return &tfserving.PredictRequest{
		// A model of before there was `user_vectors` is asked by `serving_default`.
		ModelSpec: &tfserving.ModelSpec{Name: model, SignatureName: "user_vectors"},
		Inputs: map[string]*tfserving.TensorProto{"examples": {
			Dtype: tfserving.DataType_DT_STRING,
			TensorShape: &tfserving.TensorShapeProto{
				Dim: []*tfserving.TensorShapeProto_Dim{{Size: 1}},
			},
			StringVal: [][]byte{example},
		}},
		OutputFilter: []string{"user_vector"},
	}, nil
}

// floats reads numbers as TF Serving sends them: as a list, or, with
// --enable_serialization_as_tensor_content, as bytes.
func floats(tensor *tfserving.TensorProto) ([]float32, error) {
	size := int64(1)
	for _, dim := range tensor.GetTensorShape().GetDim() {
		size *= dim.Size
	}
	values := tensor.GetFloatVal()
	for content := tensor.GetTensorContent(); len(content) >= 4; content = content[4:] {
		bits := uint32(content[0]) | uint32(content[1])<<8 | uint32(content[2])<<16 | uint32(content[3])<<24
		values = append(values, math.Float32frombits(bits))
	}
	// The last value stands for all that are left out.
	for len(values) > 0 && int64(len(values)) < size {
		values = append(values, values[len(values)-1])
	}
	if tensor.GetDtype() != tfserving.DataType_DT_FLOAT || int64(len(values)) != size || size == 0 {
		return nil, fmt.Errorf("no vector, but %d numbers of type %v", len(values), tensor.GetDtype())
	}
	return values, nil
}
