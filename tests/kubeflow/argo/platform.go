package main

import (
	"fmt"

	"github.com/kubeflow/pipelines/api/v2alpha1/go/pipelinespec"
	"github.com/kubeflow/pipelines/kubernetes_platform/go/kubernetesplatform"
	"google.golang.org/protobuf/encoding/protojson"
)

// checkExecutors reads what every step asks of Kubernetes as KFP's driver does when the step
// starts, which is too late to hear of a mistake.
func checkExecutors(kubernetes *pipelinespec.SinglePlatformSpec) error {
	for name, executor := range kubernetes.GetDeploymentSpec().GetExecutors() {
		text, err := protojson.Marshal(executor)
		if err != nil {
			return err
		}
		config := &kubernetesplatform.KubernetesExecutorConfig{}
		if err := protojson.Unmarshal(text, config); err != nil {
			return fmt.Errorf("platform of %s: %w", name, err)
		}
	}
	return nil
}
