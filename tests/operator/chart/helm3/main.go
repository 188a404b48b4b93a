// Command helm3 renders, checks and lints a chart by Helm 3's own code. Arguments: the chart's folder and a file of
// values. It writes one JSON object: the text of each template, what lint says, and why the values were refused.
package main

import (
	"encoding/json"
	"os"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
)

type answer struct {
	Files    map[string]string `json:"files"`
	Messages []string          `json:"messages"`
	Refused  string            `json:"refused"`
}

func main() {
	values, err := chartutil.ReadValuesFile(os.Args[2])
	if err != nil {
		panic(err)
	}
	said := answer{Messages: []string{}}
	if said.Files, err = rendered(os.Args[1], values); err != nil {
		said.Refused = err.Error()
	}
	for _, each := range lint.All(os.Args[1], values, "analytics", true).Messages {
		said.Messages = append(said.Messages, each.Error())
	}
	if err := json.NewEncoder(os.Stdout).Encode(said); err != nil {
		panic(err)
	}
}

func rendered(folder string, values chartutil.Values) (map[string]string, error) {
	chart, err := loader.Load(folder)
	if err != nil {
		return nil, err
	}
	release := chartutil.ReleaseOptions{Name: "panel", Namespace: "analytics", Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(chart, values, release, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Render(chart, all)
}
