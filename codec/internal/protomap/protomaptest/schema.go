package protomaptest

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// All returns the type of a message that has a field of every kind, in proto3.
func All(t testing.TB) protoreflect.MessageType { return find(t, "All") }

// Two returns the type of a message of proto2, with a required field, groups, defaults, a closed enum and extensions.
func Two(t testing.TB) protoreflect.MessageType { return find(t, "Two") }

func find(t testing.TB, name protoreflect.FullName) protoreflect.MessageType {
	t.Helper()
	if err := register(); err != nil {
		t.Fatal(err)
	}
	mt, err := protoregistry.GlobalTypes.FindMessageByName("protomaptest.v1." + name)
	if err != nil {
		t.Fatal(err)
	}
	return mt
}

// register makes the types known to protobuf, as generated code does.
var register = sync.OnceValue(func() error {
	for _, fdp := range []*descriptorpb.FileDescriptorProto{file3(), file2()} {
		fd, err := protodesc.NewFile(fdp, protoregistry.GlobalFiles)
		if err != nil {
			return err
		}
		if err := protoregistry.GlobalFiles.RegisterFile(fd); err != nil {
			return err
		}
		for i := range fd.Messages().Len() {
			if err := protoregistry.GlobalTypes.RegisterMessage(dynamicpb.NewMessageType(fd.Messages().Get(i))); err != nil {
				return err
			}
		}
		for i := range fd.Extensions().Len() {
			if err := protoregistry.GlobalTypes.RegisterExtension(dynamicpb.NewExtensionType(fd.Extensions().Get(i))); err != nil {
				return err
			}
		}
	}
	return nil
})

const pkg = ".protomaptest.v1."

// A builder adds fields to a message, one number after the other.
type builder struct{ m *descriptorpb.DescriptorProto }

func (b builder) add(name, kind string, label descriptorpb.FieldDescriptorProto_Label) *descriptorpb.FieldDescriptorProto {
	number := int32(len(b.m.GetField()) + 1)
	f := newField(name, kind, number, label)
	b.m.Field = append(b.m.Field, f)
	return f
}

func (b builder) one(name, kind string) {
	b.add(name, kind, descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL)
}

func (b builder) many(name, kind string) {
	b.add(name, kind, descriptorpb.FieldDescriptorProto_LABEL_REPEATED)
}

func (b builder) optional(name, kind string) {
	f := b.add(name, kind, descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL)
	f.Proto3Optional = new(true)
	f.OneofIndex = new(int32(len(b.m.GetOneofDecl())))
	b.m.OneofDecl = append(b.m.OneofDecl, &descriptorpb.OneofDescriptorProto{Name: new("_" + name)})
}

func (b builder) choice(name, kind string) {
	b.add(name, kind, descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL).OneofIndex = new(int32(0))
}

func (b builder) mapOf(name, key, value string) {
	var entry strings.Builder
	for part := range strings.SplitSeq(name, "_") {
		entry.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	entry.WriteString("Entry")
	b.many(name, pkg+b.m.GetName()+"."+entry.String())
	b.m.NestedType = append(b.m.NestedType, &descriptorpb.DescriptorProto{
		Name: new(entry.String()),
		Field: []*descriptorpb.FieldDescriptorProto{
			newField("key", key, 1, descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL),
			newField("value", value, 2, descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL),
		},
		Options: &descriptorpb.MessageOptions{MapEntry: new(true)},
	})
}

// newField returns a field of a scalar type, or with a dot in front a message, with two an enum, with three a group.
func newField(
	name, kind string, number int32, label descriptorpb.FieldDescriptorProto_Label,
) *descriptorpb.FieldDescriptorProto {
	f := &descriptorpb.FieldDescriptorProto{Name: new(name), Number: new(number), Label: new(label)}
	typeName := kind
	switch {
	case strings.HasPrefix(kind, "..."):
		kind, typeName = "group", kind[2:]
	case strings.HasPrefix(kind, ".."):
		kind, typeName = "enum", kind[1:]
	case strings.HasPrefix(kind, "."):
		kind = "message"
	default:
		typeName = ""
	}
	if typeName != "" {
		f.TypeName = new(typeName)
	}
	f.Type = new(descriptorpb.FieldDescriptorProto_Type(descriptorpb.FieldDescriptorProto_Type_value["TYPE_"+strings.ToUpper(kind)]))
	return f
}

func scalars() []string {
	return []string{
		"double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string", "bytes", "uint32",
		"sfixed32", "sfixed64", "sint32", "sint64",
	}
}

// known holds protobuf's own messages by the names of the fields that hold them.
func known() [][2]string {
	return [][2]string{
		{"time", "Timestamp"},
		{"duration", "Duration"},
		{"mask", "FieldMask"},
		{"tree", "Struct"},
		{"value", "Value"},
		{"values", "ListValue"},
		{"any", "Any"},
		{"empty", "Empty"},
		{"w_bool", "BoolValue"},
		{"w_int32", "Int32Value"},
		{"w_int64", "Int64Value"},
		{"w_uint32", "UInt32Value"},
		{"w_uint64", "UInt64Value"},
		{"w_float", "FloatValue"},
		{"w_double", "DoubleValue"},
		{"w_string", "StringValue"},
		{"w_bytes", "BytesValue"},
	}
}

func file3() *descriptorpb.FileDescriptorProto {
	all := builder{&descriptorpb.DescriptorProto{
		Name: new("All"), OneofDecl: []*descriptorpb.OneofDescriptorProto{{Name: new("choice")}},
	}}
	kinds := map[string]string{"all": pkg + "All", "color": "." + pkg + "Color", "nullvalue": "..google.protobuf.NullValue"}
	for _, kind := range scalars() {
		kinds[kind] = kind
	}
	for _, k := range known() {
		kinds[k[0]] = ".google.protobuf." + k[1]
	}
	names := slices.Sorted(maps.Keys(kinds))
	for _, name := range names {
		field := name
		if !slices.ContainsFunc(known(), func(k [2]string) bool { return k[0] == name }) {
			field = "f_" + name
		}
		all.one(field, kinds[name])
		all.many("r_"+name, kinds[name])
		all.optional("o_"+name, kinds[name])
		all.mapOf("m_string_"+name, "string", kinds[name])
		if name != "double" && name != "float" && name != "bytes" && kinds[name] == name {
			all.mapOf("m_"+name+"_int", name, "int32")
		}
	}
	for _, name := range names { // the fields of a oneof follow each other
		all.choice("c_"+name, kinds[name])
	}
	return &descriptorpb.FileDescriptorProto{
		Name: new("protomaptest/three.proto"), Package: new("protomaptest.v1"), Syntax: new("proto3"),
		Dependency: []string{
			anypb.File_google_protobuf_any_proto.Path(), durationpb.File_google_protobuf_duration_proto.Path(),
			emptypb.File_google_protobuf_empty_proto.Path(), fieldmaskpb.File_google_protobuf_field_mask_proto.Path(),
			structpb.File_google_protobuf_struct_proto.Path(), timestamppb.File_google_protobuf_timestamp_proto.Path(),
			wrapperspb.File_google_protobuf_wrappers_proto.Path(),
		},
		MessageType: []*descriptorpb.DescriptorProto{all.m},
		EnumType:    []*descriptorpb.EnumDescriptorProto{enum("Color", "COLOR_UNSPECIFIED", "COLOR_RED", "COLOR_BLUE")},
	}
}

func enum(name string, values ...string) *descriptorpb.EnumDescriptorProto {
	e := &descriptorpb.EnumDescriptorProto{Name: new(name)}
	for i, value := range values {
		e.Value = append(e.Value, &descriptorpb.EnumValueDescriptorProto{Name: new(value), Number: new(int32(i))})
	}
	return e
}

func file2() *descriptorpb.FileDescriptorProto {
	const optional = descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL
	part := builder{&descriptorpb.DescriptorProto{Name: new("Part")}}
	part.one("text", "string")
	parts := builder{&descriptorpb.DescriptorProto{Name: new("Parts")}}
	parts.one("part_number", "int32")
	two := builder{&descriptorpb.DescriptorProto{
		Name: new("Two"), NestedType: []*descriptorpb.DescriptorProto{part.m, parts.m},
		ExtensionRange: []*descriptorpb.DescriptorProto_ExtensionRange{{Start: new(int32(100)), End: new(int32(200))}},
	}}
	two.add("id", "int32", descriptorpb.FieldDescriptorProto_LABEL_REQUIRED)
	two.one("part", "."+"."+pkg+"Two.Part")
	two.many("parts", "."+"."+pkg+"Two.Parts")
	two.one("closed", "."+pkg+"Closed")
	two.one("data", "bytes")
	two.one("next_two", pkg+"Two")
	two.add("answer", "int32", optional).DefaultValue = new("42")
	extensions := []*descriptorpb.FieldDescriptorProto{
		newField("ext_number", "int64", 100, optional),
		newField("ext_two", pkg+"Two", 101, optional),
		newField("ext_colors", "."+pkg+"Closed", 102, descriptorpb.FieldDescriptorProto_LABEL_REPEATED),
		newField("ext_time", ".google.protobuf.Timestamp", 103, optional),
	}
	for _, f := range extensions {
		f.Extendee = new(pkg + "Two")
	}
	return &descriptorpb.FileDescriptorProto{
		Name: new("protomaptest/two.proto"), Package: new("protomaptest.v1"), Syntax: new("proto2"),
		Dependency:  []string{timestamppb.File_google_protobuf_timestamp_proto.Path()},
		MessageType: []*descriptorpb.DescriptorProto{two.m},
		EnumType:    []*descriptorpb.EnumDescriptorProto{enum("Closed", "CLOSED_ZERO", "CLOSED_ONE")},
		Extension:   extensions,
	}
}
