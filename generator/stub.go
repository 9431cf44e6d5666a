package generator

import (
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A stub is what one proto file adds to the Go package of its stubs.
type stub struct {
	*protogen.File

	goPackage string                // of the stub
	goPath    protogen.GoImportPath // of the stub
	vars      map[*protogen.Method]string
	packages  map[protogen.GoImportPath]string // the name that each imported message package has
	imports   map[protogen.GoImportPath]string // the name by which it is imported
}

// stubs returns the files of stubs.
func (r *request) stubs() ([]Output, error) {
	if err := r.checkNames(); err != nil {
		return nil, err
	}
	var files []Output
	for _, file := range r.Files {
		if !file.Generate || len(file.Services) == 0 {
			continue
		}
		content, err := r.newStub(file).render()
		if err != nil {
			return nil, err
		}
		files = append(files, Output{r.output(file), content})
	}
	return files, nil
}

// checkNames reports elements of the Go packages with files to generate that map to one Go name.
func (r *request) checkNames() error {
	c := &claims{
		request:  r,
		owners:   make(map[protogen.GoIdent]protoreflect.Descriptor),
		reported: make(map[[2]protoreflect.Descriptor]bool),
		public:   make(map[publicImport]*protogen.File),
	}
	generated := make(map[protogen.GoImportPath]bool)
	for _, file := range r.Files {
		generated[file.GoImportPath] = generated[file.GoImportPath] || file.Generate
	}
	for _, file := range r.Files {
		if generated[file.GoImportPath] {
			c.file(file)
		}
	}
	for _, file := range r.Files {
		if !generated[file.GoImportPath] {
			continue
		}
		goPath, _ := r.home(file)
		vars := varNames(file)
		for _, s := range file.Services {
			c.service(s, goPath, vars)
		}
	}
	return c.problems.err()
}

func (r *request) newStub(file *protogen.File) *stub {
	goPath, goPackage := r.home(file)
	s := &stub{File: file, goPackage: goPackage, goPath: goPath, vars: varNames(file)}
	s.packages = make(map[protogen.GoImportPath]string)
	for m := range methods(file) {
		for _, message := range []*protogen.Message{m.Input, m.Output} {
			if message.GoIdent.GoImportPath != goPath {
				parent := r.FilesByPath[message.Desc.ParentFile().Path()]
				s.packages[parent.GoImportPath] = string(parent.GoPackageName)
			}
		}
	}
	s.imports = importNames(s.packages)
	return s
}
