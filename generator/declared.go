package generator

import (
	"iter"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/gofeaturespb"
)

// A declaration calls yield with the names that elements have in Go, and returns whether it wants more.
type declaration func(name string, d protoreflect.Descriptor) bool

// declared yields the Go names that the messages of file declare in their package, each with its element.
func declared(file *protogen.File) iter.Seq2[string, protoreflect.Descriptor] {
	return func(yield func(string, protoreflect.Descriptor) bool) {
		d := declaration(yield)
		_ = d.enums(file.Enums) && d.messages(file.Messages) && d.extensions(file.Extensions)
	}
}

func (yield declaration) enums(enums []*protogen.Enum) bool {
	for _, e := range enums {
		for _, suffix := range []string{"", "_name", "_value"} {
			if !yield(e.GoIdent.GoName+suffix, e.Desc) {
				return false
			}
		}
		for _, v := range e.Values {
			if !yield(v.GoIdent.GoName, v.Desc) {
				return false
			}
			if alias := v.PrefixedAlias.GoName; alias != "" && alias != v.GoIdent.GoName && !yield(alias, v.Desc) {
				return false
			}
		}
	}
	return true
}

func (yield declaration) messages(messages []*protogen.Message) bool {
	for _, m := range messages {
		if m.Desc.IsMapEntry() {
			continue
		}
		if !yield(m.GoIdent.GoName, m.Desc) || !yield.fields(m) || !yield.oneofs(m) || !yield.enums(m.Enums) ||
			!yield.messages(m.Messages) || !yield.extensions(m.Extensions) {
			return false
		}
	}
	return true
}

// fields yields what the fields of m declare beside it: default values, and the builder.
func (yield declaration) fields(m *protogen.Message) bool {
	if m.APILevel != gofeaturespb.GoFeatures_API_OPEN && !yield(m.GoIdent.GoName+"_builder", m.Desc) {
		return false
	}
	for _, field := range m.Fields {
		if field.Desc.HasDefault() && !yield("Default_"+m.GoIdent.GoName+"_"+field.GoName, field.Desc) {
			return false
		}
	}
	return true
}

// oneofs yields the wrappers of the members of oneofs, which the opaque API does not export, and their constants, which the
// open one lacks.
func (yield declaration) oneofs(m *protogen.Message) bool {
	for _, oneof := range m.Oneofs {
		if oneof.Desc.IsSynthetic() {
			continue
		}
		if m.APILevel != gofeaturespb.GoFeatures_API_OPEN && !yield(oneof.GoIdent.GoName+"_not_set_case", oneof.Desc) {
			return false
		}
		for _, field := range oneof.Fields {
			if m.APILevel != gofeaturespb.GoFeatures_API_OPAQUE && !yield(field.GoIdent.GoName, field.Desc) {
				return false
			}
			if m.APILevel != gofeaturespb.GoFeatures_API_OPEN &&
				!yield(m.GoIdent.GoName+"_"+field.GoName+"_case", field.Desc) {
				return false
			}
		}
	}
	return true
}

func (yield declaration) extensions(extensions []*protogen.Extension) bool {
	for _, x := range extensions {
		if !yield("E_"+x.GoIdent.GoName, x.Desc) {
			return false
		}
	}
	return true
}
