package generator

import (
	"fmt"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// claims finds elements that map to one Go name.
type claims struct {
	*request

	owners   map[protogen.GoIdent]protoreflect.Descriptor
	reported map[[2]protoreflect.Descriptor]bool
	problems Problems
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

func (c *claims) messages(messages []*protogen.Message) {
	for _, m := range messages {
		if m.Desc.IsMapEntry() {
			continue
		}
		c.claim(m.GoIdent, m.GoIdent.GoName, m.Desc)
		c.enums(m.Enums)
		c.messages(m.Messages)
	}
}

func (c *claims) enums(enums []*protogen.Enum) {
	for _, e := range enums {
		c.claim(e.GoIdent, e.GoIdent.GoName, e.Desc)
		for _, v := range e.Values {
			c.claim(v.GoIdent, v.GoIdent.GoName, v.Desc)
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
	switch d.(type) {
	case protoreflect.ServiceDescriptor:
		return "service"
	case protoreflect.MethodDescriptor:
		return "rpc"
	case protoreflect.EnumDescriptor:
		return "enum"
	case protoreflect.EnumValueDescriptor:
		return "enum value"
	default:
		return "message"
	}
}
