package jsoncodec_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/codectest"
	"github.com/protomicro/micro/codec/jsoncodec"
	"github.com/protomicro/micro/status"
)

func TestCodec(t *testing.T) {
	codectest.RunCodec(t, func(*testing.T) codec.Codec { return jsoncodec.Codec{} })
}

func TestCodec_OneMessageHasOneEncoding(t *testing.T) {
	msg := &descriptorpb.FieldDescriptorProto{
		Name: new(` a, "b" : \`), Number: new(int32(3)), TypeName: new(""), JsonName: new("ü"),
		Options: &descriptorpb.FieldOptions{Packed: new(true), Lazy: new(false)},
	}
	got, err := jsoncodec.Codec{}.MarshalAppend(nil, msg)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"name":" a, \"b\" : \\","number":3,"typeName":"","jsonName":"ü","options":{"packed":true,"lazy":false}}`
	if string(got) != want {
		t.Errorf("encoding:\n got %s\nwant %s", got, want)
	}
}

func TestCodec_IgnoresUnknownFieldsAndReadsBothNames(t *testing.T) {
	for _, src := range []string{
		`{"typeName": "T", "fromTheFuture": {"x": [1, 2]}}`,
		` { "type_name" : "T" } `,
	} {
		got := &descriptorpb.FieldDescriptorProto{}
		if err := (jsoncodec.Codec{}).Unmarshal([]byte(src), got); err != nil || got.GetTypeName() != "T" {
			t.Errorf("%s: got type name %q, error %v, want %q", src, got.GetTypeName(), err, "T")
		}
	}
}

func TestCodec_RefusesDeepNesting(t *testing.T) {
	src := strings.Repeat("[", 10001) + strings.Repeat("]", 10001)
	err := jsoncodec.Codec{}.Unmarshal([]byte(src), &structpb.Value{})
	if status.CodeOf(err) != status.InvalidArgument {
		t.Errorf("10001 nested lists: got %v, want an InvalidArgument error", err)
	}
}
