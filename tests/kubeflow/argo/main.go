// Compiles a pipeline as the backend of Kubeflow Pipelines does when it is submitted, has Argo
// validate the workflow, and prints it as JSON.
//
//	go run . pipeline.yaml
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/kubeflow/pipelines/api/v2alpha1/go/pipelinespec"
	"github.com/kubeflow/pipelines/backend/src/apiserver/config/proxy"
	"github.com/kubeflow/pipelines/backend/src/common/util"
	"github.com/kubeflow/pipelines/backend/src/v2/compiler/argocompiler"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
	goyaml "gopkg.in/yaml.v3"
)

func main() {
	if len(os.Args) != 2 {
		fail(errors.New("one argument is needed, the compiled pipeline"))
	}
	// As the API server does from its own settings: none here.
	proxy.InitializeConfigWithEmptyForTests()
	documents, err := read(os.Args[1])
	if err != nil {
		fail(err)
	}
	workflow, err := compile(documents)
	if err != nil {
		fail(err)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(workflow); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// read returns every YAML document of a file as JSON.
func read(path string) ([][]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	decoder := goyaml.NewDecoder(bytes.NewReader(content))
	var documents [][]byte
	for {
		var document any
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
			return documents, nil
		} else if err != nil {
			return nil, err
		}
		text, err := json.Marshal(document)
		if err != nil {
			return nil, err
		}
		documents = append(documents, text)
	}
}

// compile takes the pipeline and, as the second document, what it asks of Kubernetes. Neither may
// have a field that the version's own messages lack.
func compile(documents [][]byte) (any, error) {
	if len(documents) == 0 || len(documents) > 2 {
		return nil, fmt.Errorf("one or two documents are needed, not %d", len(documents))
	}
	spec := &pipelinespec.PipelineSpec{}
	if err := protojson.Unmarshal(documents[0], spec); err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	var kubernetes *pipelinespec.SinglePlatformSpec
	if len(documents) == 2 {
		platform := &pipelinespec.PlatformSpec{}
		if err := protojson.Unmarshal(documents[1], platform); err != nil {
			return nil, fmt.Errorf("platform: %w", err)
		}
		kubernetes = platform.GetPlatforms()["kubernetes"]
		if err := checkExecutors(kubernetes); err != nil {
			return nil, err
		}
	}
	body := &structpb.Struct{}
	if err := protojson.Unmarshal(documents[0], body); err != nil {
		return nil, err
	}
	job := &pipelinespec.PipelineJob{
		Name:         spec.GetPipelineInfo().GetName(),
		PipelineSpec: body,
		RuntimeConfig: &pipelinespec.PipelineJob_RuntimeConfig{
			ParameterValues: map[string]*structpb.Value{},
		},
	}
	workflow, err := argocompiler.Compile(job, kubernetes, &argocompiler.Options{})
	if err != nil {
		return nil, err
	}
	// A copy: validation fills in defaults.
	if err := util.NewWorkflow(workflow.DeepCopy()).Validate(false, false); err != nil {
		return nil, fmt.Errorf("Argo: %w", err)
	}
	return workflow, nil
}
