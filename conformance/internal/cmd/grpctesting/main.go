// Grpctesting writes messages and stubs of grpc.testing.TestService below a directory. It takes the descriptors from the
// Go package that comes with gRPC's own interop programs, since its module has no proto files.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/protomicro/micro/generator"
	"google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/pluginpb"
)

const module = "github.com/protomicro/micro/conformance"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: grpctesting DIR")
		os.Exit(2)
	}
	if err := generate(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "grpctesting:", err)
		os.Exit(1)
	}
}

func generate(ctx context.Context, dir string) error {
	sources := []protoreflect.FileDescriptor{ // imports first
		grpc_testing.File_grpc_testing_empty_proto,
		grpc_testing.File_grpc_testing_messages_proto,
		grpc_testing.File_grpc_testing_test_proto,
	}
	params := append(make([]string, 0, len(sources)+1), "module="+module)
	req := new(pluginpb.CodeGeneratorRequest)
	for _, file := range sources {
		req.ProtoFile = append(req.ProtoFile, protodesc.ToFileDescriptorProto(file))
		req.FileToGenerate = append(req.FileToGenerate, file.Path())
		params = append(params, "M"+file.Path()+"="+module+"/gen/grpctesting")
	}
	req.Parameter = new(strings.Join(params, ","))
	files, err := (&generator.Input{Request: req}).Generate()
	if err != nil {
		return err
	}
	return generator.Write(ctx, dir, files)
}
