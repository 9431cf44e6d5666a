// Package protomaptest holds the behaviour that every encoding shares which lays messages out by protomap, as tests to run
// against each.
package protomaptest

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/gofeaturespb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

// An Encoding is a codec, and another implementation of its encoding that knows nothing of protobuf.
type Encoding struct {
	Codec codec.Codec
	// Encode encodes nil, bool, int32, int64, uint64, float64, string, []byte, time.Time, []any and Map.
	Encode func(t testing.TB, v any) []byte
	// Decode decodes them, maps as map[any]any, and other types of numbers where the encoding has them.
	Decode func(t testing.TB, src []byte) any
}

// A Map is a map in an order, in which a key may stand twice.
type Map []Entry

// An Entry is one of a [Map].
type Entry struct{ Key, Value any }

// Run tests an encoding. create returns it, once per test.
func Run(t *testing.T, create func(t *testing.T) Encoding) {
	for name, f := range map[string]func(*testing.T, Encoding){
		"RoundTrips":            roundTrips,
		"IsLikeProtoJSON":       isLikeProtoJSON,
		"OneMessageHasOneForm":  isDeterministic,
		"Reads":                 reads,
		"Refuses":               refuses,
		"RefusesToWrite":        refusesToWrite,
		"BoundsDepth":           boundsDepth,
		"EveryCutIsAnError":     refusesCuts,
		"TrailingBytesAreError": refusesTrailing,
	} {
		t.Run(name, func(t *testing.T) { f(t, create(t)) })
	}
}

func (e Encoding) marshal(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := e.Codec.MarshalAppend(nil, m)
	if err != nil {
		t.Fatalf("MarshalAppend of %s: %v", describe(m), err)
	}
	return b
}

// describe returns m in the JSON mapping, for an error.
func describe(m proto.Message) string {
	b, err := protojson.Marshal(m)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// samples returns messages with all there is to encode.
func samples(t *testing.T) []proto.Message {
	t.Helper()
	seeded := rand.New(rand.NewPCG(1, 2))
	var all []proto.Message
	for range 300 {
		m := All(t).New()
		Fill(seeded, m, 4)
		all = append(all, m.Interface())
	}
	for range 100 {
		m := Two(t).New()
		Fill(seeded, m, 3)
		m.Set(m.Descriptor().Fields().ByName("id"), protoreflect.ValueOfInt32(seeded.Int32()))
		all = append(all, onlyComplete(m)...)
	}
	for _, text := range []string{
		`{"id":1, "part":{"text":""}, "parts":[{},{"partNumber":-7}], "closed":"CLOSED_ZERO", "data":"", "answer":0}`,
		`{"id":0, "[protomaptest.v1.ext_number]":"9007199254740993", "[protomaptest.v1.ext_two]":{"id":5},
			"[protomaptest.v1.ext_colors]":["CLOSED_ONE", 99], "[protomaptest.v1.ext_time]":"2026-01-02T03:04:05.000000006Z"}`,
	} {
		all = append(all, fromJSON(t, Two(t), text))
	}
	features := &descriptorpb.FeatureSet{}
	proto.SetExtension(features, gofeaturespb.E_Go, &gofeaturespb.GoFeatures{LegacyUnmarshalJsonEnum: new(true)})
	file := protodesc.ToFileDescriptorProto(descriptorpb.File_google_protobuf_descriptor_proto)
	return append(all, features, file, file3(), file2())
}

// onlyComplete returns m, unless a required field is not set somewhere.
func onlyComplete(m protoreflect.Message) []proto.Message {
	if proto.CheckInitialized(m.Interface()) != nil {
		return nil
	}
	return []proto.Message{m.Interface()}
}

func fromJSON(t *testing.T, mt protoreflect.MessageType, text string) proto.Message {
	t.Helper()
	m := mt.New().Interface()
	if err := protojson.Unmarshal([]byte(text), m); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return m
}

func roundTrips(t *testing.T, e Encoding) {
	for _, m := range samples(t) {
		encoded := e.marshal(t, m)
		got := m.ProtoReflect().New().Interface()
		if err := e.Codec.Unmarshal(encoded, got); err != nil {
			t.Errorf("Unmarshal of %s: %v", describe(m), err)
		} else if !proto.Equal(got, m) {
			t.Errorf("round trip:\n got %s\nwant %s", describe(got), describe(m))
		}
	}
}

func isLikeProtoJSON(t *testing.T, e Encoding) {
	for _, m := range samples(t) {
		want, err := protojson.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if where := likeJSON(parseJSON(t, want), e.Decode(t, e.marshal(t, m))); where != "" {
			t.Errorf("%s\ndiffers at %s", want, where)
		}
	}
}

func isDeterministic(t *testing.T, e Encoding) {
	for _, m := range samples(t) {
		a, b := e.marshal(t, m), e.marshal(t, proto.Clone(m))
		if !bytes.Equal(a, b) {
			t.Errorf("two encodings of %s differ:\n%x\n%x", describe(m), a, b)
		}
	}
	a := fromJSON(t, All(t), `{"mStringInt32":{"b":2,"a":1,"":0}, "mInt32Int":{"-1":1,"10":2,"9":3}, "mBoolInt":{"true":1,"false":0}}`)
	want := e.Encode(t, Map{
		{"mBoolInt", Map{{false, int32(0)}, {true, int32(1)}}},
		{"mStringInt32", Map{{"", int32(0)}, {"a", int32(1)}, {"b", int32(2)}}},
		{"mInt32Int", Map{{int32(-1), int32(1)}, {int32(9), int32(3)}, {int32(10), int32(2)}}},
	})
	if got := e.marshal(t, a); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func refusesCuts(t *testing.T, e Encoding) {
	for _, m := range samples(t)[:20] {
		encoded := e.marshal(t, m)
		for n := range encoded {
			err := e.Codec.Unmarshal(encoded[:n:n], m.ProtoReflect().New().Interface())
			if status.CodeOf(err) != status.InvalidArgument {
				t.Fatalf("%d of %d bytes of %s: got %v, want an InvalidArgument error", n, len(encoded), describe(m), err)
			}
		}
	}
}

func refusesTrailing(t *testing.T, e Encoding) {
	encoded := e.Encode(t, Map{{"fInt32", int64(1)}})
	err := e.Codec.Unmarshal(append(encoded, 0), All(t).New().Interface())
	if status.CodeOf(err) != status.InvalidArgument || !strings.Contains(err.Error(), "1 bytes too many") {
		t.Errorf("a byte behind the message: got %v, want an InvalidArgument error", err)
	}
}

// nested returns value in so many lists.
func nested(value any, depth int) any {
	for range depth {
		value = []any{value}
	}
	return value
}

func boundsDepth(t *testing.T, e Encoding) {
	deep := func(n int) protoreflect.Message { // n maps within each other
		outer := All(t).New()
		m := outer
		for range n - 1 {
			m = m.Mutable(m.Descriptor().Fields().ByName("f_all")).Message()
		}
		return outer
	}
	encoded := e.marshal(t, deep(100).Interface())
	if err := e.Codec.Unmarshal(encoded, All(t).New().Interface()); err != nil {
		t.Errorf("100 maps within each other: %v", err)
	}
	_, err := e.Codec.MarshalAppend(nil, deep(101).Interface())
	if status.CodeOf(err) != status.Internal || !strings.Contains(err.Error(), "fAll.fAll: nested more than 100 deep") {
		t.Errorf("writing 101 maps within each other: got %v, want an Internal error", err)
	}
	for _, key := range []string{"value", "nobodyKnows"} {
		if err := e.Codec.Unmarshal(e.Encode(t, Map{{key, nested(true, 99)}}), All(t).New().Interface()); err != nil {
			t.Errorf("%s: 99 lists in a map: %v", key, err)
		}
		err := e.Codec.Unmarshal(e.Encode(t, Map{{key, nested(true, 100)}}), All(t).New().Interface())
		if status.CodeOf(err) != status.InvalidArgument || !strings.Contains(err.Error(), "nested more than 100 deep") {
			t.Errorf("%s: 100 lists in a map: got %v, want an InvalidArgument error", key, err)
		}
	}
}
