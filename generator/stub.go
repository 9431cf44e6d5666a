package generator

import (
	"path"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A stub is what one proto file adds to the Go package of its stubs.
type stub struct {
	*protogen.File

	goPackage string                // of the stub
	goPath    protogen.GoImportPath // of the stub
	vars      map[*protogen.Method]string
	imports   map[protogen.GoImportPath]string // the name of each imported message package
}

// stubs returns the files of stubs.
func (r *request) stubs() ([]Output, error) {
	packages := make(map[protogen.GoImportPath][]*protogen.File)
	for _, file := range r.Files {
		packages[file.GoImportPath] = append(packages[file.GoImportPath], file)
	}
	vars := make(map[protogen.GoImportPath]map[*protogen.Method]string)
	for _, file := range r.Files {
		if file.Generate && vars[file.GoImportPath] == nil {
			vars[file.GoImportPath] = varNames(packages[file.GoImportPath])
		}
	}
	if err := r.checkNames(vars); err != nil {
		return nil, err
	}
	var files []Output
	for _, file := range r.Files {
		if !file.Generate || len(file.Services) == 0 {
			continue
		}
		content, err := r.newStub(file, vars[file.GoImportPath]).render()
		if err != nil {
			return nil, err
		}
		files = append(files, Output{r.output(file), content})
	}
	return files, nil
}

// checkNames reports elements of the Go packages in vars that map to one Go name.
func (r *request) checkNames(vars map[protogen.GoImportPath]map[*protogen.Method]string) error {
	c := &claims{
		request:  r,
		owners:   make(map[protogen.GoIdent]protoreflect.Descriptor),
		reported: make(map[[2]protoreflect.Descriptor]bool),
	}
	for _, file := range r.Files {
		if vars[file.GoImportPath] != nil {
			c.enums(file.Enums)
			c.messages(file.Messages)
		}
	}
	for _, file := range r.Files {
		if vars := vars[file.GoImportPath]; vars != nil {
			goPath, _ := r.home(file)
			for _, s := range file.Services {
				c.service(s, goPath, vars)
			}
		}
	}
	return c.problems.err()
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
	if r.module != "" {
		prefix = strings.TrimPrefix(prefix, r.module+"/")
	}
	return prefix + "_micro.pb.go"
}

func (r *request) newStub(file *protogen.File, vars map[*protogen.Method]string) *stub {
	goPath, goPackage := r.home(file)
	s := &stub{File: file, goPackage: goPackage, goPath: goPath, vars: vars}
	packages := make(map[protogen.GoImportPath]string)
	for m := range methods([]*protogen.File{file}) {
		for _, message := range []*protogen.Message{m.Input, m.Output} {
			if message.GoIdent.GoImportPath != goPath {
				parent := r.FilesByPath[message.Desc.ParentFile().Path()]
				packages[parent.GoImportPath] = string(parent.GoPackageName)
			}
		}
	}
	taken := make(map[string]bool)
	for _, name := range []string{"runtime", "context", "c", "ctx", "req", "conn", "s", "impl"} {
		taken[name] = true
	}
	for _, name := range vars {
		taken[name] = true
	}
	s.imports = importNames(packages, taken)
	return s
}
