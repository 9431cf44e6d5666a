package generator

import (
	"fmt"
	"path"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/gofeaturespb"
)

// A target is a path that a part of what is made of a file is written to.
type target struct {
	Problem // where the part is in the file, without a message

	name string // as Output.Name
	part string
	file *protogen.File
}

// targets returns where the code for file goes.
func (r *request) targets(file *protogen.File) []target {
	at := Problem{File: r.path(file.Desc.Path()), Line: 1, Column: 1}
	prefix := r.inModule(file.GeneratedFilenamePrefix)
	targets := []target{{at, prefix + ".pb.go", "messages", file}}
	if file.APILevel == gofeaturespb.GoFeatures_API_HYBRID {
		targets = append(targets, target{at, prefix + "_protoopaque.pb.go", "messages", file})
	}
	if len(file.Services) > 0 {
		targets = append(targets, target{r.at(file.Services[0].Desc, ""), r.output(file), "stubs", file})
	}
	return targets
}

// checkOutputs reports the files whose output would go to the same place, or outside of the module.
func (r *request) checkOutputs() error {
	var problems Problems
	owners := make(map[string]target)
	for _, file := range r.Files {
		if prefix := r.module + "/"; file.Generate && r.module != "" && !strings.HasPrefix(file.GeneratedFilenamePrefix, prefix) {
			problems = append(problems, r.atPath(file.Proto, pathOfGoPackage, fmt.Sprintf(
				"the Go package %s is not within the module %s of the parameter module", string(file.GoImportPath), r.module)))
		}
		for _, t := range r.targets(file) {
			owner, ok := owners[t.name]
			if !ok {
				owners[t.name] = t
				continue
			}
			if !file.Generate && !owner.file.Generate {
				continue
			}
			t.Message = fmt.Sprintf("the %s go to %s, as the %s of %s:%d:%d do: give the two files different names or Go packages",
				t.part, t.name, owner.part, owner.File, owner.Line, owner.Column)
			problems = append(problems, t.Problem)
			break // the other parts go to the same places too
		}
	}
	return problems.err()
}

// home returns import path and name of the package that holds the stubs of file.
func (r *request) home(file *protogen.File) (protogen.GoImportPath, string) {
	name := string(file.GoPackageName) + r.suffix
	if r.suffix == "" {
		return file.GoImportPath, name
	}
	return protogen.GoImportPath(path.Join(string(file.GoImportPath), name)), name
}

// output returns the path of the stubs of file.
func (r *request) output(file *protogen.File) string {
	prefix := file.GeneratedFilenamePrefix
	if r.suffix != "" {
		_, name := r.home(file)
		prefix = path.Join(path.Dir(prefix), name, path.Base(prefix))
	}
	return r.inModule(prefix) + "_micro.pb.go"
}

// inModule returns name without the directory of the parameter module.
func (r *request) inModule(name string) string {
	if r.module == "" {
		return name
	}
	return strings.TrimPrefix(name, r.module+"/")
}
