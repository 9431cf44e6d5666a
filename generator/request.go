package generator

import (
	"fmt"
	"go/token"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
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
	mapped := make(map[string]goPackage) // parameters M, by file
	for param := range strings.SplitSeq(req.GetParameter(), ",") {
		name, value, _ := strings.Cut(param, "=")
		if name == "module" {
			r.module = value
		} else if file, ok := strings.CutPrefix(name, "M"); ok {
			mapped[file] = parseGoPackage(value).or(mapped[file])
		}
	}
	if err := r.checkGoPackages(mapped); err != nil {
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
