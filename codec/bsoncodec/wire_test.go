package bsoncodec_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	"runtime"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec/bsoncodec"
	"github.com/protomicro/micro/codec/internal/protomap/protomaptest"
	"github.com/protomicro/micro/status"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// element returns a document with one element of a type, whose key is "value".
func element(t testing.TB, kind byte, data string) []byte {
	t.Helper()
	body := append(append([]byte{kind}, "value\x00"...), unhex(t, data)...)
	return append(append([]byte{byte(len(body) + 5), 0, 0, 0}, body...), 0)
}

func TestCodec_Bytes(t *testing.T) {
	list := &structpb.ListValue{Values: []*structpb.Value{structpb.NewBoolValue(false), structpb.NewNullValue()}}
	for _, c := range []struct {
		msg  proto.Message
		kind byte
		data string
	}{
		{wrapperspb.String("ab"), 0x02, "03000000 6162 00"},
		{wrapperspb.Bytes([]byte{1}), 0x05, "01000000 00 01"},
		{wrapperspb.Bool(true), 0x08, "01"},
		{wrapperspb.Int32(-33), 0x10, "dfffffff"},
		{wrapperspb.Int64(5), 0x12, "0500000000000000"},
		{wrapperspb.UInt32(5), 0x12, "0500000000000000"},
		{wrapperspb.UInt64(1<<63 - 1), 0x12, "ffffffffffffff7f"},
		{wrapperspb.UInt64(1 << 63), 0x13, "0000000000000080 0000000000004030"},
		{wrapperspb.Float(1.5), 0x01, "000000000000f83f"},
		{wrapperspb.Double(1.5), 0x01, "000000000000f83f"},
		{structpb.NewNullValue(), 0x0a, ""},
		{structpb.NewListValue(list), 0x04, "0c000000 08 30 00 00 0a 31 00 00"},
		{list, 0x04, "0c000000 08 30 00 00 0a 31 00 00"},
		{structpb.NewStructValue(&structpb.Struct{}), 0x03, "05000000 00"},
		{&timestamppb.Timestamp{Seconds: 1}, 0x09, "e803000000000000"},
		{&timestamppb.Timestamp{Seconds: -1, Nanos: 1e6}, 0x09, "19fcffffffffffff"},
		{&timestamppb.Timestamp{Nanos: 1000}, 0x02, "1c000000" + hex.EncodeToString([]byte("1970-01-01T00:00:00.000001Z")) + "00"},
	} {
		got, err := bsoncodec.Codec{}.MarshalAppend(nil, c.msg)
		if want := element(t, c.kind, c.data); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%T %v: got %x, %v, want %x", c.msg, c.msg, got, err, want)
		}
	}
	msg := &descriptorpb.FieldDescriptorProto{Number: new(int32(3)), Label: descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()}
	got, err := bsoncodec.Codec{}.MarshalAppend([]byte("head"), msg)
	want, err2 := bson.Marshal(bson.D{{Key: "number", Value: int32(3)}, {Key: "label", Value: "LABEL_REPEATED"}})
	if err != nil || err2 != nil || string(got) != "head"+string(want) {
		t.Errorf("got %x, %v, want %x, %v", got, err, want, err2)
	}
}

func TestCodec_ReadsEveryForm(t *testing.T) {
	for _, c := range []struct {
		kind byte
		data string
		want proto.Message
	}{
		{0x01, "0000000000001440", wrapperspb.Int64(5)},
		{0x10, "05000000", wrapperspb.UInt64(5)},
		{0x12, "0500000000000000", wrapperspb.Float(5)},
		{0x13, "0500000000000000 0000000000004030", wrapperspb.Int32(5)},               // 5
		{0x13, "0500000000000000 00000000000040b0", wrapperspb.Int32(-5)},              // -5
		{0x13, "0500000000000000 0000000000004230", wrapperspb.Int32(50)},              // 5E+1
		{0x13, "f401000000000000 0000000000003c30", wrapperspb.Int32(5)},               // 5.00
		{0x13, "0000000000000000 000000000000fe5f", wrapperspb.Int32(0)},               // 0E+6111
		{0x13, "0000000000000000 0000000000000080", wrapperspb.Int32(0)},               // -0E-6176
		{0x13, "ffffffffffffffff 0000000000004030", wrapperspb.UInt64(math.MaxUint64)}, // 2^64-1
		{0x13, "0000000000000080 00000000000040b0", wrapperspb.Int64(math.MinInt64)},   // -2^63
		{0x13, "0000000000000080 0000000000004030", wrapperspb.Double(1 << 63)},        // 2^63
		{0x05, "01000000 04 61", wrapperspb.Bytes([]byte("a"))},
		{0x05, "05000000 02 01000000 61", wrapperspb.Bytes([]byte("a"))},
		{0x04, "08000000 0a 78 00 00", &structpb.ListValue{Values: []*structpb.Value{structpb.NewNullValue()}}},
		{0x06, "", structpb.NewNullValue()},
		{0x09, "ffffffffffffffff", &timestamppb.Timestamp{Seconds: -1, Nanos: 999e6}},
	} {
		got := c.want.ProtoReflect().New().Interface()
		if err := (bsoncodec.Codec{}).Unmarshal(element(t, c.kind, c.data), got); err != nil || !proto.Equal(got, c.want) {
			t.Errorf("0x%02x %s: got %v, %v, want %v", c.kind, c.data, got, err, c.want)
		}
	}
}

func TestCodec_RefusesOtherTypes(t *testing.T) {
	for _, c := range []struct {
		kind byte
		data string
		msg  proto.Message
		want string
	}{
		{0x13, "0500000000000000 0000000000003e30", &wrapperspb.DoubleValue{}, "a decimal that is no integer of 64 bits"}, // 0.5
		{0x13, "0500000000000000 000000000000fe5f", &wrapperspb.Int64Value{}, "a decimal that is no integer of 64 bits"},  // 5E+6111
		{0x13, "0500000000000000 0000000000000000", &wrapperspb.Int64Value{}, "a decimal that is no integer of 64 bits"},  // 5E-6176
		{0x13, "0000000000000000 0100000000004030", &wrapperspb.UInt64Value{}, "a decimal that is no integer of 64 bits"}, // 2^64
		{0x13, "0100000000000080 00000000000040b0", &wrapperspb.Int64Value{}, "a decimal that is no integer of 64 bits"},  // -2^63-1
		{0x13, "0000000000000000 0000000000000078", &wrapperspb.DoubleValue{}, "a decimal that is no integer of 64 bits"}, // infinity
		{0x13, "0000000000000000 000000000000007c", &wrapperspb.DoubleValue{}, "a decimal that is no integer of 64 bits"}, // NaN
		{0x13, "0000000000000000 000000000000106c", &wrapperspb.Int64Value{}, "a decimal that is no integer of 64 bits"},
		{0x13, "ffffffffffffffff 0000000000004030", &wrapperspb.Int64Value{}, "18446744073709551615 does not fit in int64"},
		{0x07, "0102030405060708090a0b0c", &wrapperspb.BytesValue{}, "a value of the type objectID, where binary should be"},
		{0x11, "0000000001000000", &timestamppb.Timestamp{}, "a value of the type timestamp, where a date should be"},
		{0x0e, "02000000 61 00", &wrapperspb.StringValue{}, "a value of the type symbol, where a text should be"},
		{0x0a, "", &wrapperspb.StringValue{}, "null, where a text should be"},
		{0x0a, "", &timestamppb.Timestamp{}, "null, where a date should be"},
		{0x09, "ffffffffffffff7f", &timestamppb.Timestamp{}, "outside of the years 1 to 9999"},
	} {
		err := bsoncodec.Codec{}.Unmarshal(element(t, c.kind, c.data), c.msg)
		if status.CodeOf(err) != status.InvalidArgument || !strings.Contains(err.Error(), c.want) {
			t.Errorf("0x%02x %s: got %v, want an InvalidArgument error with %q", c.kind, c.data, err, c.want)
		}
	}
}

func TestCodec_WhatIsNoDocumentIsAValue(t *testing.T) {
	for want, src := range map[string]bson.D{
		"":                             {{Key: "new", Value: 1}, {Key: "value", Value: "text"}},
		`there is no key "value"`:      {{Key: "new", Value: 1}},
		`"value" stands there twice`:   {{Key: "value", Value: "text"}, {Key: "value", Value: "text"}},
		"integer, where a text should": {{Key: "value", Value: int32(1)}},
	} {
		b, err := bson.Marshal(src)
		if err != nil {
			t.Fatal(err)
		}
		got := &wrapperspb.StringValue{}
		err = bsoncodec.Codec{}.Unmarshal(b, got)
		switch {
		case want == "" && (err != nil || got.GetValue() != "text"):
			t.Errorf("%v: got %v, %v", src, got, err)
		case want != "" && (status.CodeOf(err) != status.InvalidArgument || !strings.Contains(err.Error(), want)):
			t.Errorf("%v: got %v, want an InvalidArgument error with %q", src, err, want)
		}
	}
}

func TestCodec_RefusesKeysWithNUL(t *testing.T) {
	tree, err := structpb.NewStruct(map[string]any{"a": map[string]any{"b\x00c": 1.0}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = bsoncodec.Codec{}.MarshalAppend(nil, tree)
	if status.CodeOf(err) != status.Internal || !strings.Contains(err.Error(), `["a"]["b\x00c"]: a key with a NUL in it`) {
		t.Errorf("got %v, want an Internal error", err)
	}
}

func TestCodec_SkipsEveryType(t *testing.T) {
	for _, c := range validValues() {
		src := element(t, c.kind, c.data)
		if err := bson.Raw(src).Validate(); err != nil {
			t.Errorf("0x%02x %s: the Mongo driver refuses it: %v", c.kind, c.data, err)
		}
		if err := (bsoncodec.Codec{}).Unmarshal(src, &emptypb.Empty{}); err != nil {
			t.Errorf("0x%02x %s: %v", c.kind, c.data, err)
		}
	}
}

type value struct {
	kind byte
	data string
}

func validValues() []value {
	return []value{
		{0x01, "000000000000f87f"},
		{0x02, "01000000 00"},
		{0x02, "03000000 0000 00"},
		{0x03, "05000000 00"},
		{0x03, "0c000000 02 00 01000000 00 00"},
		{0x04, "05000000 00"},
		{0x04, "0b000000 0a 3100 0a 3000 00"},
		{0x05, "00000000 00"},
		{0x05, "00000000 80"},
		{0x05, "04000000 02 00000000"},
		{0x06, ""},
		{0x07, "000102030405060708090a0b"},
		{0x08, "00"},
		{0x09, "ffffffffffffff7f"},
		{0x0a, ""},
		{0x0b, "00 00"},
		{0x0b, "612e 00 6978 00"},
		{0x0c, "02000000 62 00 000102030405060708090a0b"},
		{0x0d, "02000000 61 00"},
		{0x0e, "01000000 00"},
		{0x0f, "0f000000 02000000 61 00 05000000 00"},
		{0x10, "ffffffff"},
		{0x11, "ffffffffffffffff"},
		{0x12, "ffffffffffffffff"},
		{0x13, "ffffffffffffffffffffffffffffffff"},
		{0x7f, ""},
		{0xff, ""},
	}
}

func TestCodec_RefusesMalformed(t *testing.T) {
	for _, c := range []struct {
		kind byte
		data string
		want string
	}{
		{0x00, "", "unknown type 0x00"},
		{0x14, "", "unknown type 0x14"},
		{0x01, "0000", "double does not fit"},
		{0x02, "00000000", "string whose length is wrong"},
		{0x02, "ffffffff 00", "string does not fit"},
		{0x02, "ffffff7f 00", "string does not fit"},
		{0x02, "02000000 61 61", "string whose length is wrong"},
		{0x02, "02000000 ff 00", "a text that is not UTF-8"},
		{0x03, "04000000 00", "a document whose length is wrong"},
		{0x03, "ff000000 00", "a document whose length is wrong"},
		{0x03, "ffffffff 00", "a document whose length is wrong"},
		{0x03, "05000000 01", "a document whose length is wrong"},
		{0x03, "07000000 0a 6100", "the document ends within a key"},
		{0x03, "08000000 02 6100 00", "string does not fit"},
		{0x03, "08000000 0a ff00 00", "a text that is not UTF-8"},
		{0x04, "07000000 0a 30 00", "the document ends within a key"},
		{0x05, "ffffffff 00", "binary does not fit"},
		{0x05, "05000000 00 00", "binary does not fit"},
		{0x05, "04000000 02 01000000", "binary whose lengths are wrong"},
		{0x05, "03000000 02 000000", "binary whose lengths are wrong"},
		{0x07, "00", "objectID does not fit"},
		{0x08, "02", "a bool that is 2"},
		{0x0b, "61", "regex does not fit"},
		{0x0b, "ff 00 00", "a text that is not UTF-8"},
		{0x0c, "02000000 62 62 000102030405060708090a0b", "dbPointer whose length is wrong"},
		{0x0c, "02000000 62 00", "dbPointer does not fit"},
		{0x0f, "00000000", "code whose length is wrong"},
		{0x0f, "0f000000 03000000 61 00 05000000 00", "length is wrong"},
		{0x0f, "10000000 02000000 61 00 05000000 00 00", "1 bytes too many"},
		{0x0f, "0f000000 02000000 61 00 06000000 00", "the scope of code"},
		{0x13, "00", "128-bit decimal does not fit"},
	} {
		err := bsoncodec.Codec{}.Unmarshal(element(t, c.kind, c.data), &emptypb.Empty{})
		if status.CodeOf(err) != status.InvalidArgument || !strings.Contains(err.Error(), c.want) {
			t.Errorf("0x%02x %s: got %v, want an InvalidArgument error with %q", c.kind, c.data, err, c.want)
		}
	}
	for _, src := range []string{"", "00", "04000000", "05000000", "05000000 01", "ffffff7f 00", "06000000 00 00", "07000000 0a 00 0a"} {
		if err := (bsoncodec.Codec{}).Unmarshal(unhex(t, src), &emptypb.Empty{}); status.CodeOf(err) != status.InvalidArgument {
			t.Errorf("%s: got %v, want an InvalidArgument error", src, err)
		}
	}
}

func TestCodec_ManyNestedArraysAreRefusedAtOnce(t *testing.T) {
	src := nestedArrays(100_000)
	scopes := element(t, 0x0a, "")
	for range 200 {
		scopes = withScope(scopes)
	}
	for name, src := range map[string][]byte{"arrays": src, "scopes": scopes} {
		for _, msg := range []proto.Message{&structpb.Value{}, &structpb.Struct{}, &emptypb.Empty{}, &anypb.Any{}} {
			used := allocated(func() {
				if err := (bsoncodec.Codec{}).Unmarshal(src, msg); !tooDeep(err) {
					t.Errorf("%s in %T: got %v, want an InvalidArgument error", name, msg, err)
				}
			})
			if used > 1<<20 {
				t.Errorf("%s in %T: %d bytes were allocated, want less than 1 MiB", name, msg, used)
			}
		}
	}
}

// nestedArrays returns a document with so many arrays within each other.
func nestedArrays(n int) []byte {
	const header = 4 + 1 + 2 // length, type and key of what is within
	size := 5 + n*(header+1)
	src := make([]byte, 0, size+header)
	for range n {
		src = binary.LittleEndian.AppendUint32(src, uint32(size))
		src = append(src, 0x04, '0', 0)
		size -= header + 1
	}
	return append(append(src, 5, 0, 0, 0, 0), make([]byte, n)...)
}

// withScope returns a document with code whose scope is doc.
func withScope(doc []byte) []byte {
	code := binary.LittleEndian.AppendUint32(nil, uint32(4+5+len(doc)))
	code = append(append(code, 1, 0, 0, 0, 0), doc...)
	out := binary.LittleEndian.AppendUint32(nil, uint32(4+3+len(code)+1))
	out = append(out, 0x0f, 'a', 0)
	return append(append(out, code...), 0)
}

func tooDeep(err error) bool {
	return status.CodeOf(err) == status.InvalidArgument && strings.Contains(err.Error(), "nested more than 100 deep")
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func BenchmarkCodec(b *testing.B) {
	msg := protomaptest.Sample()
	encoded, err := bsoncodec.Codec{}.MarshalAppend(nil, msg)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("MarshalAppend", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := (bsoncodec.Codec{}).MarshalAppend(encoded[:0], msg); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Unmarshal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := (bsoncodec.Codec{}).Unmarshal(encoded, msg); err != nil {
				b.Fatal(err)
			}
		}
	})
}
