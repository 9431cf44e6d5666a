// Package generator turns the services of proto files into Go: for each file with services one file of stubs, which stand
// on the package runtime.
//
// [Respond] answers protoc and buf. [Compile] with [Input.Generate] does without them, and generates the messages too;
// [Write] puts all of it on disk, or nothing. The parameters are those of protoc-gen-go (paths, module, M<file>,
// default_api_level, apilevelM<file>) and package_suffix, which moves the stubs to a package of their own: the package of
// the messages with that suffix, in a directory of that name below it.
//
// The output depends on the input alone.
package generator

import (
	"google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// An Input is what code is generated from.
type Input struct {
	Request *pluginpb.CodeGeneratorRequest
	Paths   map[string]string // for problems: the path on disk of each file of the request, by name
}

// An Output is a generated file.
type Output struct {
	Name    string // path with slashes, relative to the output directory
	Content []byte
}

// Generate returns the messages and the stubs of the files to generate. The messages are, byte for byte, what protoc-gen-go
// of the version in go.mod makes of the same request. The error is a Problems if the input is to blame.
func (i *Input) Generate() ([]Output, error) {
	r, err := newRequest(i)
	if err != nil {
		return nil, err
	}
	stubs, err := r.stubs()
	if err != nil {
		return nil, err
	}
	for _, file := range r.Files {
		if file.Generate {
			internal_gengo.GenerateFile(r.Plugin, file)
		}
	}
	res := r.Response()
	if res.Error != nil {
		return nil, Problems{r.blame(res.GetError())}
	}
	files := make([]Output, 0, len(res.GetFile())+len(stubs))
	for _, file := range res.GetFile() {
		files = append(files, Output{file.GetName(), []byte(file.GetContent())})
	}
	return append(files, stubs...), nil
}

// Respond returns the answer of the plugin: the stubs of the files to generate, or an error for which the input is to
// blame.
func Respond(req *pluginpb.CodeGeneratorRequest) *pluginpb.CodeGeneratorResponse {
	res := &pluginpb.CodeGeneratorResponse{
		SupportedFeatures: new(internal_gengo.SupportedFeatures),
		MinimumEdition:    new(int32(descriptorpb.Edition_EDITION_PROTO2)),
		MaximumEdition:    new(int32(descriptorpb.Edition_EDITION_2024)),
	}
	files, err := respond(req)
	if err != nil {
		res.Error = new(err.Error())
		return res
	}
	for _, file := range files {
		res.File = append(res.File, &pluginpb.CodeGeneratorResponse_File{
			Name:    &file.Name,
			Content: new(string(file.Content)),
		})
	}
	return res
}

func respond(req *pluginpb.CodeGeneratorRequest) ([]Output, error) {
	r, err := newRequest(&Input{Request: req})
	if err != nil {
		return nil, err
	}
	return r.stubs()
}
