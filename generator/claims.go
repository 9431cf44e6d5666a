package generator

import (
	"fmt"
	"go/token"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// claims finds elements that map to one Go name.
type claims struct {
	*request

	owners   map[protogen.GoIdent]protoreflect.Descriptor
	reported map[[2]protoreflect.Descriptor]bool
	public   map[publicImport]*protogen.File // the file with each public import from another Go package
	problems Problems
}

// A publicImport is the public import of a file into a Go package.
type publicImport struct {
	into protogen.GoImportPath
	file string
}

// claim says that d is declared in Go as id, which people call name.
func (c *claims) claim(id protogen.GoIdent, name string, d protoreflect.Descriptor) {
	owner := c.owners[id]
	if owner == nil {
		c.owners[id] = d
		return
	}
	pair := [2]protoreflect.Descriptor{owner, d}
	if owner == d || c.reported[pair] {
		return
	}
	c.reported[pair] = true
	there := c.at(owner, "")
	c.problems = append(c.problems, c.at(d, fmt.Sprintf(
		"%s %s and %s %s (%s:%d:%d) both become the Go name %s: rename one of them", element(d), d.FullName(),
		element(owner), owner.FullName(), there.File, there.Line, there.Column, name)))
}

// file claims what the messages of file declare: also for the elements of another Go package that it imports publicly.
func (c *claims) file(file *protogen.File) {
	for name, d := range declared(file) {
		c.claim(file.GoImportPath.Ident(name), name, d)
	}
	for _, i := range file.Proto.GetPublicDependency() {
		name := file.Proto.GetDependency()[i]
		imported := c.FilesByPath[name]
		if imported == nil || imported.GoImportPath == file.GoImportPath {
			continue
		}
		key := publicImport{file.GoImportPath, name}
		if other := c.public[key]; other != nil {
			c.problems = append(c.problems, c.atPath(file.Proto, []int32{3, i}, fmt.Sprintf(
				"%s of the same Go package imports %s publicly too, so that its names would be declared twice:"+
					" make one import not public", c.path(other.Desc.Path()), name)))
			continue
		}
		c.public[key] = file
		for name, d := range declared(imported) {
			if token.IsExported(name) {
				c.claim(file.GoImportPath.Ident(name), name, d)
			}
		}
	}
}

// service claims what the stubs of s declare in the package at path, given the names of their variables.
func (c *claims) service(s *protogen.Service, path protogen.GoImportPath, vars map[*protogen.Method]string) {
	for _, name := range []string{clientOf(s), serverOf(s), "New" + clientOf(s), "Register" + serverOf(s)} {
		c.claim(path.Ident(name), name, s.Desc)
	}
	if owner := c.owners[path.Ident(clientOf(s))]; owner != s.Desc && element(owner) == "service" {
		return // its methods clash too
	}
	for _, m := range s.Methods {
		c.claim(path.Ident(clientOf(s)+"."+m.GoName), m.GoName, m.Desc)
		c.claim(path.Ident(vars[m]), vars[m], m.Desc)
	}
}

func clientOf(s *protogen.Service) string { return s.GoName + "Client" }
func serverOf(s *protogen.Service) string { return s.GoName + "Server" }

func element(d protoreflect.Descriptor) string {
	switch d := d.(type) {
	case protoreflect.ServiceDescriptor:
		return "service"
	case protoreflect.MethodDescriptor:
		return "rpc"
	case protoreflect.EnumDescriptor:
		return "enum"
	case protoreflect.EnumValueDescriptor:
		return "enum value"
	case protoreflect.OneofDescriptor:
		return "oneof"
	case protoreflect.FieldDescriptor:
		if d.IsExtension() {
			return "extension"
		}
		return "field"
	default:
		return "message"
	}
}
