package reflection

import (
	"path"
	"strings"

	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

const (
	v1Package    = "grpc.reflection.v1"
	alphaPackage = "grpc.reflection.v1alpha"
)

// ownFiles describes the services of this repository, as far as the program links them, as they are published.
func ownFiles() *protoregistry.Files {
	files := new(protoregistry.Files)
	for _, f := range []struct{ source, name string }{
		{"protomicro/grpc/health/v1/health.proto", "grpc.health.v1"},
		{"protomicro/grpc/reflection/v1/reflection.proto", v1Package},
		{"protomicro/grpc/reflection/v1/reflection.proto", alphaPackage},
	} {
		source, err := protoregistry.GlobalFiles.FindFileByPath(f.source)
		if err != nil {
			continue // not linked
		}
		if file, err := protodesc.NewFile(rename(source, f.name), nil); err == nil {
			_ = files.RegisterFile(file)
		}
	}
	return files
}

// rename returns the descriptor of a file that imports nothing, as if it stood in another package, and at the path that
// is usual for that.
func rename(source protoreflect.FileDescriptor, name string) *descriptorpb.FileDescriptorProto {
	file := protodesc.ToFileDescriptorProto(source)
	from, to := "."+file.GetPackage()+".", "."+name+"."
	file.Name = new(strings.ReplaceAll(name, ".", "/") + "/" + path.Base(source.Path()))
	file.Package, file.Options = new(name), nil
	typeName := func(name string) *string {
		if rest, ok := strings.CutPrefix(name, from); ok {
			name = to + rest
		}
		return &name
	}
	var renameFields func(messages []*descriptorpb.DescriptorProto)
	renameFields = func(messages []*descriptorpb.DescriptorProto) {
		for _, message := range messages {
			for _, field := range message.GetField() {
				if field.TypeName != nil {
					field.TypeName = typeName(field.GetTypeName())
				}
			}
			renameFields(message.GetNestedType())
		}
	}
	renameFields(file.GetMessageType())
	for _, service := range file.GetService() {
		for _, method := range service.GetMethod() {
			method.InputType, method.OutputType = typeName(method.GetInputType()), typeName(method.GetOutputType())
		}
	}
	return file
}
