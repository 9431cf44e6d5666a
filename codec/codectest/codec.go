// Package codectest holds the behaviour that every codec and every format shares, as tests to run against each.
package codectest

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

// RunCodec tests a codec that encodes protobuf messages. create returns a codec to test, once per test.
func RunCodec(t *testing.T, create func(t *testing.T) codec.Codec) {
	for name, f := range map[string]func(*testing.T, codec.Codec){
		"RoundTrips":        codecRoundTrips,
		"Appends":           codecAppends,
		"ReplacesTheTarget": codecReplaces,
		"DoesNotKeepSource": codecDoesNotKeepSource,
		"GarbageIsAnError":  codecGarbage,
		"OtherTypesAreAnError": func(t *testing.T, c codec.Codec) {
			_, err := c.MarshalAppend(nil, "text")
			wantCodecError(t, err, status.Internal, "string")
			wantCodecError(t, c.Unmarshal(nil, new(int)), status.Internal, "*int")
		},
		"InvalidUTF8IsAnError": func(t *testing.T, c codec.Codec) {
			dst, err := c.MarshalAppend([]byte("head"), wrapperspb.String("\xff"))
			wantCodecError(t, err, status.Internal, "google.protobuf.StringValue")
			if string(dst) != "head" {
				t.Errorf("dst after an error: got %q, want %q", dst, "head")
			}
		},
	} {
		t.Run(name, func(t *testing.T) { f(t, create(t)) })
	}
}

func wantCodecError(t *testing.T, err error, code status.Code, text string) {
	t.Helper()
	if status.CodeOf(err) != code || !strings.Contains(err.Error(), text) {
		t.Errorf("error: got %v, want %v with %q", err, code, text)
	}
	if _, ok := err.(*status.Error); !ok {
		t.Errorf("error type: got %T, want *status.Error", err)
	}
}

func richMessages(t *testing.T) map[string]proto.Message {
	t.Helper()
	tree, err := structpb.NewStruct(map[string]any{
		"null": nil, "yes": true, "n": 1.5, "s": "a \"quoted\" \\ text,  with : spaces \n\t é 世界 \U0001F600",
		"list": []any{1.0, "two", map[string]any{"three": []any{}}}, "": map[string]any{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]proto.Message{
		"empty":      &emptypb.Empty{},
		"unset":      &wrapperspb.StringValue{},
		"string":     wrapperspb.String(`\" , : "{`),
		"bytes":      wrapperspb.Bytes([]byte{0, 1, 2, 254, 255}),
		"int64":      wrapperspb.Int64(math.MinInt64),
		"double":     wrapperspb.Double(math.Inf(-1)),
		"timestamp":  timestamppb.New(time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC)),
		"duration":   durationpb.New(-1500 * time.Millisecond),
		"struct":     tree,
		"descriptor": protodesc.ToFileDescriptorProto(descriptorpb.File_google_protobuf_descriptor_proto),
		"large":      wrapperspb.Bytes(bytes.Repeat([]byte{0xA5, 0, 0xFF}, 1<<20)),
		"long text":  wrapperspb.String(strings.Repeat("世界 \\ \" ", 1<<18)),
	}
}

func codecRoundTrips(t *testing.T, c codec.Codec) {
	for name, msg := range richMessages(t) {
		encoded, err := c.MarshalAppend(nil, msg)
		if err != nil {
			t.Errorf("%s: MarshalAppend: %v", name, err)
			continue
		}
		got := msg.ProtoReflect().New().Interface()
		if err := c.Unmarshal(encoded, got); err != nil {
			t.Errorf("%s: Unmarshal: %v", name, err)
		} else if !proto.Equal(got, msg) {
			t.Errorf("%s: the message differs after a round trip", name)
		}
	}
}

func codecAppends(t *testing.T, c codec.Codec) {
	for _, room := range []int{0, 1, 1 << 10} {
		dst := append(make([]byte, 0, 4+room), "head"...)
		got, err := c.MarshalAppend(dst, wrapperspb.String("tail"))
		if err != nil {
			t.Fatalf("MarshalAppend with room for %d: %v", room, err)
		}
		if !bytes.HasPrefix(got, []byte("head")) {
			t.Fatalf("MarshalAppend with room for %d: got %q, want it to start with %q", room, got, "head")
		}
		msg := &wrapperspb.StringValue{}
		if err := c.Unmarshal(got[4:], msg); err != nil || msg.GetValue() != "tail" {
			t.Errorf("what was appended with room for %d: got %q, %v, want %q", room, msg.GetValue(), err, "tail")
		}
	}
}

func codecReplaces(t *testing.T, c codec.Codec) {
	encoded, err := c.MarshalAppend(nil, &structpb.ListValue{Values: []*structpb.Value{structpb.NewBoolValue(true)}})
	if err != nil {
		t.Fatal(err)
	}
	got := &structpb.ListValue{Values: []*structpb.Value{structpb.NewStringValue("before")}}
	if err := c.Unmarshal(encoded, got); err != nil {
		t.Fatal(err)
	}
	if n := len(got.GetValues()); n != 1 || !got.GetValues()[0].GetBoolValue() {
		t.Errorf("a target that held something: got %v, want [true]", got)
	}
}

func codecDoesNotKeepSource(t *testing.T, c codec.Codec) {
	for name, msg := range richMessages(t) {
		encoded, err := c.MarshalAppend(nil, msg)
		if err != nil {
			t.Fatalf("%s: MarshalAppend: %v", name, err)
		}
		got := msg.ProtoReflect().New().Interface()
		if err := c.Unmarshal(encoded, got); err != nil {
			t.Fatalf("%s: Unmarshal: %v", name, err)
		}
		for i := range encoded {
			encoded[i] = '!'
		}
		if !proto.Equal(got, msg) {
			t.Errorf("%s: the message changed with the bytes it was decoded from", name)
		}
	}
}

func codecGarbage(t *testing.T, c codec.Codec) {
	encoded, err := c.MarshalAppend(nil, wrapperspb.String("a text to cut off"))
	if err != nil {
		t.Fatal(err)
	}
	for _, src := range [][]byte{encoded[:len(encoded)-3], {0xff, 0xff, 0xff}, append([]byte{0xff}, encoded...)} {
		wantCodecError(t, c.Unmarshal(src, &wrapperspb.StringValue{}), status.InvalidArgument, "google.protobuf.StringValue")
	}
}
