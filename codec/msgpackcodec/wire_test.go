package msgpackcodec_test

import (
	"bytes"
	"encoding/hex"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec/internal/protomap/protomaptest"
	"github.com/protomicro/micro/codec/msgpackcodec"
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

func TestCodec_Bytes(t *testing.T) {
	held, err := anypb.New(wrapperspb.Int32(5))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		msg  proto.Message
		want string
	}{
		{&emptypb.Empty{}, "80"},
		{wrapperspb.String("ab"), "a2 6162"},
		{wrapperspb.Bytes([]byte{1}), "c4 01 01"},
		{wrapperspb.Bool(true), "c3"},
		{wrapperspb.Int32(-33), "d0 df"},
		{wrapperspb.Int64(-1 << 63), "d3 8000000000000000"},
		{wrapperspb.UInt64(1<<64 - 1), "cf ffffffffffffffff"},
		{wrapperspb.Float(1.5), "ca 3fc00000"},
		{wrapperspb.Double(1.5), "cb 3ff8000000000000"},
		{structpb.NewNullValue(), "c0"},
		{&structpb.ListValue{Values: []*structpb.Value{structpb.NewBoolValue(false)}}, "91 c2"},
		{&timestamppb.Timestamp{Seconds: 1}, "d6 ff 00000001"},
		{&timestamppb.Timestamp{Seconds: 1, Nanos: 1}, "d7 ff 0000000400000001"},
		{&timestamppb.Timestamp{Seconds: -1, Nanos: 1}, "c7 0c ff 00000001 ffffffffffffffff"},
		{&timestamppb.Timestamp{Seconds: 1 << 34}, "c7 0c ff 00000000 0000000400000000"},
		{durationpb.New(-time.Second), "a3 2d3173"},
		{held, "82 a5 4074797065 d9 2e " + hex.EncodeToString([]byte(held.GetTypeUrl())) + " a5 76616c7565 05"},
		{&descriptorpb.FieldDescriptorProto{
			JsonName: new("j"), Number: new(int32(3)), Label: descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum(),
		}, "83 a6 6e756d626572 03 a5 6c6162656c ae 4c4142454c5f5245504541544544 a8 6a736f6e4e616d65 a1 6a"},
	} {
		got, err := msgpackcodec.Codec{}.MarshalAppend(nil, c.msg)
		if err != nil || !bytes.Equal(got, unhex(t, c.want)) {
			t.Errorf("%T %v: got %x, %v, want %s", c.msg, c.msg, got, err, c.want)
		}
	}
}

func TestCodec_ReadsEveryForm(t *testing.T) {
	for _, c := range []struct {
		src  string
		want proto.Message
	}{
		{"05", wrapperspb.Int32(5)},
		{"e0", wrapperspb.Int32(-32)},
		{"cc 80", wrapperspb.Int32(128)},
		{"cd 0080", wrapperspb.Int32(128)},
		{"ce 00000080", wrapperspb.Int32(128)},
		{"cf 0000000000000080", wrapperspb.Int32(128)},
		{"d0 80", wrapperspb.Int32(-128)},
		{"d1 ff80", wrapperspb.Int32(-128)},
		{"d2 ffffff80", wrapperspb.Int32(-128)},
		{"d3 ffffffffffffff80", wrapperspb.Int32(-128)},
		{"d3 7fffffffffffffff", wrapperspb.UInt64(1<<63 - 1)},
		{"ca 43000000", wrapperspb.UInt32(128)},
		{"cb 4060000000000000", wrapperspb.Float(128)},
		{"d9 01 61", wrapperspb.String("a")},
		{"da 0001 61", wrapperspb.String("a")},
		{"db 00000001 61", wrapperspb.String("a")},
		{"c5 0001 61", wrapperspb.Bytes([]byte("a"))},
		{"c6 00000001 61", wrapperspb.Bytes([]byte("a"))},
		{"dc 0001 c0", &structpb.ListValue{Values: []*structpb.Value{structpb.NewNullValue()}}},
		{"dd 00000001 c0", &structpb.ListValue{Values: []*structpb.Value{structpb.NewNullValue()}}},
		{"de 0001 03 05", &descriptorpb.FieldDescriptorProto{Number: new(int32(5))}},
		{"df 00000001 cc 03 05", &descriptorpb.FieldDescriptorProto{Number: new(int32(5))}},
		{"c8 0004 ff 00000001", &timestamppb.Timestamp{Seconds: 1}},
		{"c9 00000008 ff 0000000400000001", &timestamppb.Timestamp{Seconds: 1, Nanos: 1}},
		{"87 cd4e20 c0  ff c0  cfffffffffffffffff c0  00 c0  01 a161  0a a162  d204000000 c0", &descriptorpb.FieldDescriptorProto{
			Name: new("a"), JsonName: new("b"),
		}},
		// What nobody knows may be anything, in a map that nobody knows the keys as well.
		{"81 a178 89 c0c0 c2c0 cb0000000000000000c0 80c0 9101c0 c40100c0 d40500c0 d6ff00000000c0 c700ffc0", &emptypb.Empty{}},
	} {
		got := c.want.ProtoReflect().New().Interface()
		if err := (msgpackcodec.Codec{}).Unmarshal(unhex(t, c.src), got); err != nil || !proto.Equal(got, c.want) {
			t.Errorf("%s: got %v, %v, want %v", c.src, got, err, c.want)
		}
	}
}

func TestCodec_RefusesMalformed(t *testing.T) {
	empty, value, date := &emptypb.Empty{}, &structpb.Value{}, &timestamppb.Timestamp{}
	for _, c := range []struct {
		src  string
		msg  proto.Message
		want string
	}{
		{"", empty, "at byte 0: the encoding ends within a value"},
		{"c0", empty, "null, where a map should be"},
		{"c1", empty, "at byte 0: 0xc1 begins no value"},
		{"81 a161 c1", empty, "at byte 3: 0xc1 begins no value"},
		{"81 a161", empty, "at byte 3: the encoding ends within a value"},
		{"82 a161 c0", empty, "at byte 0: 2 elements are announced, and there are 3 bytes"},
		{"81c0c0", &descriptorpb.FieldDescriptorProto{}, "null, where the name or number of a field should be"},
		{"81 c40161 c0", &descriptorpb.FieldDescriptorProto{}, "binary, where the name or number of a field should be"},
		{"80 80", empty, "at byte 1: 1 bytes too many"},
		{"df ffffffff", value, "4294967295 elements are announced, and there are 0 bytes"},
		{"df 80000000 00", value, "2147483648 elements are announced, and there are 1 bytes"},
		{"dd ffffffff c0", value, "4294967295 elements are announced, and there are 1 bytes"},
		{"c6 ffffffff 00", value, "a value of 4294967295 bytes is announced, and there are 1"},
		{"db ffffffff 00", value, "a value of 4294967295 bytes is announced, and there are 1"},
		{"c9 ffffffff 00 00", value, "a value of 4294967295 bytes is announced, and there are 2"},
		{"c5 ffff 00", value, "the encoding ends within a value"},
		{"d7 ff 00", value, "the encoding ends within a value"},
		{"d4 05 00", value, "an extension of type 5, where null"},
		{"d7 ff ffffffffffffffff", date, "a malformed date, where a date should be"},
		{"c7 0c ff 3b9aca00 0000000000000000", date, "a malformed date, where a date should be"},
		{"c7 0c ff 00000000 7fffffffffffffff", date, "outside of the years 1 to 9999"},
		{"c7 03 ff 000000", date, "a malformed date, where a date should be"},
		{"c7 0c 05 00000000 0000000000000000", date, "an extension of type 5, where a date should be"},
		{"a1 ff", value, "the text is not UTF-8"},
		{"81 a1ff c0", value, "the text is not UTF-8"},
	} {
		err := msgpackcodec.Codec{}.Unmarshal(unhex(t, c.src), c.msg)
		if status.CodeOf(err) != status.InvalidArgument || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an InvalidArgument error with %q", c.src, err, c.want)
		}
	}
}

func TestCodec_ManyNestedArraysAreRefusedAtOnce(t *testing.T) {
	arrays, maps := bytes.Repeat([]byte{0x91}, 1e6), bytes.Repeat([]byte{0x81}, 1e6)
	anys := bytes.Repeat([]byte("\x82\xa1x\x80\xa5value"), 1e6)
	for _, c := range []struct {
		src []byte
		msg proto.Message
	}{
		{arrays, &structpb.Value{}},
		{arrays, &structpb.ListValue{}},
		{append([]byte{0x81, 0xa1, 'x'}, arrays...), &emptypb.Empty{}},
		{append([]byte{0x81, 0xa1, 'x'}, arrays...), &anypb.Any{}},
		{append([]byte{0x81, 0xa1, 'x'}, arrays...), &structpb.Struct{}},
		{append([]byte{0x81, 0xa1, 'x'}, arrays...), &descriptorpb.FileDescriptorProto{}},
		{append([]byte{0x81, 0xa1, 'x'}, maps...), &emptypb.Empty{}}, // keys are maps too
		{maps, &anypb.Any{}},
		{anys, &anypb.Any{}},
		{anys, &structpb.Value{}},
	} {
		used := allocated(func() {
			if err := (msgpackcodec.Codec{}).Unmarshal(c.src, c.msg); !tooDeep(err) {
				t.Errorf("%x… in %T: got %v, want an InvalidArgument error", c.src[:8], c.msg, err)
			}
		})
		if used > 1<<20 {
			t.Errorf("%x… in %T: %d bytes were allocated, want less than 1 MiB", c.src[:8], c.msg, used)
		}
	}
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
	encoded, err := msgpackcodec.Codec{}.MarshalAppend(nil, msg)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("MarshalAppend", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := (msgpackcodec.Codec{}).MarshalAppend(encoded[:0], msg); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Unmarshal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := (msgpackcodec.Codec{}).Unmarshal(encoded, msg); err != nil {
				b.Fatal(err)
			}
		}
	})
}
