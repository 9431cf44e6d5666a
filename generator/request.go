package generator

import (
	"fmt"
	"go/token"
	"path"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// Paths in descriptor.proto, for positions.
var (
	pathOfPackage   = []int32{2}
	pathOfGoPackage = []int32{8, 11}
)

// A request is a CodeGeneratorRequest as protogen sees it.
type request struct {
	*protogen.Plugin

	paths  map[string]string // Input.Paths
	module string            // parameter module
	suffix string            // parameter package_suffix
}

func newRequest(in *Input) (*request, error) {
	req := in.Request
	r := &request{Plugin: &protogen.Plugin{Request: req}, paths: in.Paths}
	mapped := make(map[string]bool) // files with a parameter M
	for param := range strings.SplitSeq(req.GetParameter(), ",") {
		name, value, _ := strings.Cut(param, "=")
		if name == "module" {
			r.module = value
		} else if file, ok := strings.CutPrefix(name, "M"); ok && !strings.HasPrefix(value, ";") {
			mapped[file] = value != ""
		}
	}
	if err := r.checkGoPackage(mapped); err != nil {
		return nil, err
	}
	gen, err := protogen.Options{ParamFunc: r.setParam}.New(req)
	if err != nil {
		return nil, Problems{r.blame(err.Error())}
	}
	r.Plugin = gen
	return r, r.checkOutputs()
}

func (r *request) setParam(name, value string) error {
	if name != "package_suffix" {
		return fmt.Errorf("unknown parameter %q: the parameters are paths, module, M<file>, package_suffix, "+
			"default_api_level, apilevelM<file> and annotate_code", name)
	}
	if !token.IsIdentifier("p" + value) {
		return fmt.Errorf("parameter package_suffix=%s: a package name can only end in letters, digits and underscores", value)
	}
	r.suffix = value
	return nil
}

// checkGoPackage reports the files that have no Go package, more helpfully than protogen does.
func (r *request) checkGoPackage(mapped map[string]bool) error {
	var problems Problems
	for _, file := range needed(r.Request) {
		name := file.GetName()
		goPath, _, _ := strings.Cut(file.GetOptions().GetGoPackage(), ";")
		if mapped[name] || strings.ContainsAny(goPath, "./") {
			continue
		}
		example := path.Join("example.com/project", path.Dir(name))
		if goPath == "" {
			problems = append(problems, r.atPath(file, pathOfPackage, fmt.Sprintf("no go_package: add the line"+
				" option go_package = %q; or the parameter M%s=%s", example, name, example)))
		} else {
			problems = append(problems, r.atPath(file, pathOfGoPackage, fmt.Sprintf("go_package %q is not an import path,"+
				" which has a dot or a slash: %q, for example", goPath, example)))
		}
	}
	return problems.err()
}

// needed returns the files to generate and all that they import.
func needed(req *pluginpb.CodeGeneratorRequest) []*descriptorpb.FileDescriptorProto {
	wanted := make(map[string]bool)
	for _, name := range req.GetFileToGenerate() {
		wanted[name] = true
	}
	var files []*descriptorpb.FileDescriptorProto
	all := req.GetProtoFile()
	for i := range all { // from the importing to the imported ones
		file := all[len(all)-1-i]
		if !wanted[file.GetName()] {
			continue
		}
		files = append(files, file)
		for _, name := range file.GetDependency() {
			wanted[name] = true
		}
	}
	return files
}

// checkOutputs reports the files whose output would go to the same place, or outside of the module.
func (r *request) checkOutputs() error {
	var problems Problems
	outputs := make(map[string]*protogen.File)
	for _, file := range r.Files {
		if !file.Generate {
			continue
		}
		prefix := file.GeneratedFilenamePrefix
		if other := outputs[prefix]; other != nil {
			problems = append(problems, Problem{r.path(file.Desc.Path()), 1, 1, fmt.Sprintf(
				"the output goes to %s.pb.go, as that of %s does: give the two different names or Go packages",
				prefix, r.path(other.Desc.Path()))})
		}
		outputs[prefix] = file
		if r.module != "" && !strings.HasPrefix(prefix, r.module+"/") {
			problems = append(problems, r.atPath(file.Proto, pathOfGoPackage, fmt.Sprintf(
				"the Go package %s is not within the module %s of the parameter module", string(file.GoImportPath), r.module)))
		}
	}
	return problems.err()
}

// blame returns the problem that protogen reports in text, at the file that it names.
func (r *request) blame(text string) Problem {
	var named *descriptorpb.FileDescriptorProto
	for _, file := range r.Request.GetProtoFile() {
		if strings.Contains(text, file.GetName()) && len(file.GetName()) > len(named.GetName()) {
			named = file
		}
	}
	if named == nil {
		return Problem{Message: line(text)}
	}
	return r.atPath(named, pathOfGoPackage, line(text))
}

// atPath returns a problem at the element of file that has the given path in its descriptor, and else at its beginning.
func (r *request) atPath(file *descriptorpb.FileDescriptorProto, path []int32, message string) Problem {
	for _, loc := range file.GetSourceCodeInfo().GetLocation() {
		if span := loc.GetSpan(); len(span) > 1 && slices.Equal(loc.GetPath(), path) {
			return Problem{r.path(file.GetName()), int(span[0]) + 1, int(span[1]) + 1, message}
		}
	}
	return Problem{r.path(file.GetName()), 1, 1, message}
}

// at returns a problem at the place where d is declared.
func (r *request) at(d protoreflect.Descriptor, message string) Problem {
	file := d.ParentFile()
	loc := file.SourceLocations().ByDescriptor(d)
	return Problem{r.path(file.Path()), loc.StartLine + 1, loc.StartColumn + 1, message}
}

// path returns where the file with the given name is on disk, if that is known, and else its name.
func (r *request) path(name string) string {
	if path, ok := r.paths[name]; ok {
		return path
	}
	return name
}
