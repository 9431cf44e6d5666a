package protomaptest

import (
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/protomicro/micro/status"
)

func reads(t *testing.T, e Encoding) {
	date := time.Date(2026, 2, 3, 4, 5, 6, 7e6, time.UTC)
	const typeOfText = "type.googleapis.com/google.protobuf.StringValue"
	for _, c := range []struct {
		src  Map
		want string // in the JSON mapping
	}{
		{Map{{"f_int32", int64(5)}}, `{"fInt32":5}`},
		{Map{{"fInt32", 5.0}, {"fUint64", 3.0}, {"fSint64", -1.0}}, `{"fInt32":5, "fUint64":3, "fSint64":-1}`},
		{Map{{"fInt32", int64(math.MinInt32)}}, `{"fInt32":-2147483648}`},
		{Map{{"fUint32", int64(math.MaxUint32)}}, `{"fUint32":4294967295}`},
		{Map{{"fInt64", int64(math.MinInt64)}}, `{"fInt64":"-9223372036854775808"}`},
		{Map{{"fUint64", uint64(math.MaxUint64)}}, `{"fUint64":"18446744073709551615"}`},
		{Map{{"fDouble", int64(7)}, {"fFloat", int64(1 << 24)}}, `{"fDouble":7, "fFloat":16777216}`},
		{Map{{"fDouble", uint64(1 << 63)}}, `{"fDouble":9223372036854775808}`},
		{Map{{"fFloat", 0.1}}, `{"fFloat":0.1}`},
		{Map{{"fFloat", math.Inf(-1)}, {"fDouble", math.NaN()}}, `{"fFloat":"-Infinity", "fDouble":"NaN"}`},
		{Map{{"fColor", "COLOR_RED"}, {"rColor", []any{int64(2), "COLOR_BLUE", int64(77)}}}, `{"fColor":1, "rColor":[2,2,77]}`},
		{Map{{"fColor", "COLOR_OF_TOMORROW"}, {"rColor", []any{"NO", "COLOR_RED"}}}, `{"rColor":[1]}`},
		{Map{{"mStringColor", Map{{"a", "COLOR_OF_TOMORROW"}, {"b", "COLOR_RED"}}}}, `{"mStringColor":{"b":1}}`},
		{Map{{"fBytes", []byte{0, 255}}, {"oBytes", []byte{}}}, `{"fBytes":"AP8=", "oBytes":""}`},
		{Map{{"fString", nil}, {"fAll", nil}, {"rInt32", nil}, {"mInt32Int", nil}, {"time", nil}, {"wBool", nil}}, `{}`},
		{Map{{"cBool", nil}, {"cString", ""}, {"cInt64", nil}}, `{"cString":""}`},
		{Map{{"fNullvalue", nil}, {"cNullvalue", nil}, {"rNullvalue", []any{nil, "NULL_VALUE", int64(0)}}}, `{"cNullvalue":null, "rNullvalue":[null,null,null]}`},
		{Map{{"value", nil}, {"rValue", []any{nil, true, int64(2), "x", []any{}, Map{}}}}, `{"value":null, "rValue":[null,true,2,"x",[],{}]}`},
		{Map{{"tree", Map{{"", nil}, {"a", Map{{"b", []any{1.5}}}}}}}, `{"tree":{"":null, "a":{"b":[1.5]}}}`},
		{Map{{"mInt32Int", Map{{int64(-1), int64(1)}, {"7", int64(2)}}}}, `{"mInt32Int":{"-1":1, "7":2}}`},
		{Map{{"mUint64Int", Map{{"18446744073709551615", int64(1)}, {"0", int64(0)}}}}, `{"mUint64Int":{"18446744073709551615":1, "0":0}}`},
		{Map{{"mBoolInt", Map{{"true", int64(1)}, {false, int64(2)}}}}, `{"mBoolInt":{"true":1, "false":2}}`},
		{Map{{"time", date}, {"rTime", []any{"2026-02-03T05:05:06.000000001+01:00"}}}, `{"time":"2026-02-03T04:05:06.007Z", "rTime":["2026-02-03T04:05:06.000000001Z"]}`},
		{Map{{"time", time.Unix(-1, 5e8)}}, `{"time":"1969-12-31T23:59:59.5Z"}`},
		{Map{{"duration", "-0.5s"}, {"rDuration", []any{"1s", "1.000000001s"}}}, `{"duration":"-0.500s", "rDuration":["1s","1.000000001s"]}`},
		{Map{{"mask", "fooBar,a.bC"}, {"cMask", ""}}, `{"mask":"fooBar,a.bC", "cMask":""}`},
		{Map{{"wInt64", int64(0)}, {"wString", ""}, {"wBytes", []byte{}}}, `{"wInt64":"0", "wString":"", "wBytes":""}`},
		{Map{{"empty", Map{}}, {"cEmpty", Map{{"ignored", []any{Map{{"x", int64(1)}}}}}}}, `{"empty":{}, "cEmpty":{}}`},
		{Map{{"any", Map{}}}, `{"any":{}}`},
		{Map{{"any", Map{{"value", "x"}, {"new", Map{}}, {"@type", typeOfText}}}}, `{"any":{"@type":"` + typeOfText + `","value":"x"}}`},
		{
			Map{{"any", Map{{"fInt32", int64(3)}, {"@type", "/protomaptest.v1.All"}, {"new", nil}}}},
			`{"any":{"@type":"/protomaptest.v1.All","fInt32":3}}`,
		},
		{Map{{"any", lateAnys(2)}}, `{"any":{"value":{"value":{},"@type":"/google.protobuf.Any"},"@type":"/google.protobuf.Any"}}`},
		{Map{{"new", Map{{"a", []any{int64(1), nil, date, []byte{1}}}}}, {"new", "twice"}, {"[no.such]", int64(1)}}, `{}`},
	} {
		checkRead(t, e, All(t), c.src, c.want)
	}
	for _, c := range []struct {
		src  Map
		want string
	}{
		{Map{{"id", int64(0)}, {"part", Map{{"text", "a"}}}, {"Parts", []any{Map{{"part_number", int64(1)}}}}}, `{"id":0, "part":{"text":"a"}, "parts":[{"partNumber":1}]}`},
		{Map{{"[protomaptest.v1.ext_number]", int64(5)}, {"id", int64(1)}}, `{"id":1, "[protomaptest.v1.ext_number]":5}`},
		{Map{{"closed", int64(9)}, {"id", int64(1)}}, `{"id":1, "closed":9}`},
	} {
		checkRead(t, e, Two(t), c.src, c.want)
	}
}

// nestedTree returns so many structs within lists of each other.
func nestedTree(n int) *structpb.Value {
	v := structpb.NewBoolValue(true)
	for range n {
		v = structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{"a": v}})
		v = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{v}})
	}
	return v
}

// lateAnys returns so many Anys within each other whose type stands last.
func lateAnys(n int) Map {
	v := Map{}
	for range n {
		v = Map{{"value", v}, {"@type", "/google.protobuf.Any"}}
	}
	return v
}

func checkRead(t *testing.T, e Encoding, mt protoreflect.MessageType, src Map, want string) {
	t.Helper()
	got := mt.New().Interface()
	if err := e.Codec.Unmarshal(e.Encode(t, src), got); err != nil {
		t.Errorf("%v: %v", src, err)
	} else if !proto.Equal(got, fromJSON(t, mt, want)) {
		t.Errorf("%v: got %s, want %s", src, describe(got), want)
	}
}

func refuses(t *testing.T, e Encoding) {
	const typeOfText = "type.googleapis.com/google.protobuf.StringValue"
	long := strings.Repeat("long", 1000)
	for _, c := range []struct {
		src  Map
		want string
	}{
		{Map{{"fInt32", int64(math.MaxInt32 + 1)}}, "fInt32: 2147483648 does not fit in int32"},
		{Map{{"fInt32", int64(math.MinInt32 - 1)}}, "fInt32: -2147483649 does not fit in int32"},
		{Map{{"fUint32", int64(math.MaxUint32 + 1)}}, "fUint32: 4294967296 does not fit in uint32"},
		{Map{{"fUint32", int64(-1)}}, "fUint32: -1 does not fit in uint32"},
		{Map{{"fInt64", uint64(1 << 63)}}, "fInt64: 9223372036854775808 does not fit in int64"},
		{Map{{"fInt64", float64(1 << 63)}}, "fInt64: 9.223372036854776e+18 does not fit in int64"},
		{Map{{"fUint64", float64(1<<63) * 2}}, "does not fit in uint64"},
		{Map{{"fInt32", 1.5}}, "fInt32: 1.5, where an integer should be"},
		{Map{{"fInt32", math.NaN()}}, "fInt32: NaN, where an integer should be"},
		{Map{{"fInt64", math.Inf(1)}}, "fInt64: +Inf does not fit in int64"},
		{Map{{"fInt32", "5"}}, "fInt32: a text, where an integer should be"},
		{Map{{"fColor", int64(1 << 31)}}, "fColor: 2147483648 does not fit in int32"},
		{Map{{"fColor", true}}, "fColor: a bool, where the name or number of an enum value should be"},
		{Map{{"fFloat", 1e39}}, "fFloat: 1e+39 does not fit in a float"},
		{Map{{"fFloat", int64(1<<24 + 1)}}, "fFloat: the integer 16777217 does not fit exactly"},
		{Map{{"fDouble", int64(1<<53 + 1)}}, "fDouble: the integer 9007199254740993 does not fit exactly"},
		{Map{{"fDouble", int64(math.MaxInt64)}}, "does not fit exactly"},
		{Map{{"fDouble", uint64(math.MaxUint64)}}, "does not fit exactly"},
		{Map{{"value", int64(math.MaxInt64)}}, "value: the integer 9223372036854775807 does not fit exactly"},
		{Map{{"fBool", int64(1)}}, "fBool: an integer, where a bool should be"},
		{Map{{"fString", []byte("x")}}, "fString: binary, where a text should be"},
		{Map{{"fBytes", "eA=="}}, "fBytes: a text, where binary should be"},
		{Map{{"fAll", "x"}}, "fAll: a text, where a map should be"},
		{Map{{"fAll", []any{}}}, "fAll: a list, where a map should be"},
		{Map{{"rInt32", int64(1)}}, "rInt32: an integer, where a list should be"},
		{Map{{"rInt32", []any{int64(1), nil}}}, "rInt32[1]: null, where an integer should be"},
		{Map{{"mInt32Int", []any{}}}, "mInt32Int: a list, where a map should be"},
		{Map{{"rAll", []any{Map{}, Map{{"fAll", Map{{"rAll", []any{Map{{"fInt32", ""}}}}}}}}}}, "rAll[1].fAll.rAll[0].fInt32: a text"},
		{Map{{"mStringAll", Map{{"a b", Map{{"fBool", ""}}}}}}, `mStringAll["a b"].fBool: a text`},
		{Map{{"mStringAll", Map{{long, ""}}}}, `long"…]: a text`},
		{Map{{"mInt32Int", Map{{"7", ""}}}}, `mInt32Int[7]: a text`},
		{Map{{"mInt32Int", Map{{"07", int64(1)}}}}, `mInt32Int: "07", where a key of the type int32 should be`},
		{Map{{"mInt32Int", Map{{"4294967296", int64(1)}}}}, `mInt32Int: 4294967296 does not fit in int32`},
		{Map{{"mUint32Int", Map{{"-1", int64(1)}}}}, `mUint32Int: -1 does not fit in uint32`},
		{Map{{"mInt32Int", Map{{"7", int64(1)}, {int64(7), int64(2)}}}}, `mInt32Int[7]: the key stands there twice`},
		{Map{{"mBoolInt", Map{{"yes", int64(1)}}}}, `mBoolInt: "yes", where a key of the type bool should be`},
		{Map{{"mBoolInt", Map{{"1", int64(1)}}}}, `mBoolInt: an integer, where a bool should be`},
		{Map{{"mStringInt32", Map{{"a", nil}}}}, `mStringInt32["a"]: null, where an integer should be`},
		{Map{{"fInt32", int64(1)}, {"f_int32", int64(2)}}, "fInt32: the field stands there twice"},
		{Map{{"mStringWBytes", nil}, {"mStringWBytes", nil}}, "mStringWBytes: the field stands there twice"},
		{Map{{"cBool", true}, {"cString", "x"}}, "cString: another field of the oneof choice is set"},
		{Map{{"tree", Map{{"a", nil}, {"a", nil}}}}, `tree["a"]: the key stands there twice`},
		{Map{{"tree", Map{{"a", []any{[]byte{}}}}}}, `tree["a"][0]: binary, where null, a bool`},
		{Map{{"time", int64(0)}}, "time: an integer, where a date should be"},
		{Map{{"time", "yesterday"}}, `time: "yesterday" is no time of RFC 3339`},
		{Map{{"time", "2026-01-01T00:00:00,5Z"}}, "is no time of RFC 3339"},
		{Map{{"time", "2026-01-01T00:00:00.1234567890Z"}}, "is more exact than a nanosecond"},
		{Map{{"time", "0000-01-01T00:00:00Z"}}, "outside of the years 1 to 9999"},
		{Map{{"time", time.Unix(253402300800, 0)}}, "outside of the years 1 to 9999"},
		{Map{{"duration", int64(1)}}, "duration: an integer, where a text should be"},
		{Map{{"duration", "1"}}, `duration: "1" is no duration`},
		{Map{{"duration", "1.s"}}, `is no duration`},
		{Map{{"duration", ".5s"}}, `is no duration`},
		{Map{{"duration", "+1s"}}, `is no duration`},
		{Map{{"duration", "--1s"}}, `is no duration`},
		{Map{{"duration", "1.0000000001s"}}, `is no duration`},
		{Map{{"duration", "315576000001s"}}, "longer than 10,000 years"},
		{Map{{"duration", "99999999999999999999s"}}, "is no duration"},
		{Map{{"mask", "foo_bar"}}, `mask: "foo_bar" is no path of fields`},
		{Map{{"mask", "a,,b"}}, `mask: "" is no path of fields`},
		{Map{{"any", Map{{"value", "x"}}}}, "any: an Any without @type"},
		{Map{{"any", Map{{"@type", typeOfText}}}}, `any: there is no key "value"`},
		{Map{{"any", Map{{"@type", typeOfText}, {"value", int64(1)}}}}, `any: an integer, where a text should be`},
		{Map{{"any", Map{{"@type", typeOfText}, {"value", ""}, {"value", ""}}}}, `any: the key "value" stands there twice`},
		{Map{{"any", Map{{"@type", typeOfText}, {"value", ""}, {"@type", typeOfText}}}}, `any: the key "@type" stands there twice`},
		{Map{{"any", []any{}}}, "any: a list, where a map should be"},
		{Map{{"tree", []any{}}}, "tree: a list, where a map should be"},
		{Map{{"values", Map{}}}, "values: a map, where a list should be"},
		{Map{{"empty", time.Unix(0, 0)}}, "empty: a date, where a map should be"},
		{Map{{"mask", 1.5}}, "mask: a float, where a text should be"},
		{Map{{"fUint32", 1.5}}, "fUint32: 1.5, where an integer should be"},
		{Map{{"any", lateAnys(5)}}, "any: more than 4 Anys within each other that do not begin with @type"},
		{Map{{"any", Map{{"@type", ""}}}}, `any: the key "@type" is empty`},
		{Map{{"any", Map{{"@type", int64(1)}}}}, "any: an integer, where a text should be"},
		{Map{{"any", Map{{"@type", "no.such.Type"}}}}, `any: an Any of "no.such.Type", which is not linked in`},
		{Map{{"[protomaptest.v1.ext_number]", int64(5)}}, "protomaptest.v1.ext_number does not extend protomaptest.v1.All"},
	} {
		err := e.Codec.Unmarshal(e.Encode(t, c.src), All(t).New().Interface())
		if status.CodeOf(err) != status.InvalidArgument || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 300 {
			t.Errorf("%.200v: got %v, want an InvalidArgument error with %q", c.src, err, c.want)
		}
	}
	err := e.Codec.Unmarshal(e.Encode(t, Map{{"answer", int64(1)}}), Two(t).New().Interface())
	if status.CodeOf(err) != status.InvalidArgument || !strings.Contains(err.Error(), "id") {
		t.Errorf("without a required field: got %v, want an InvalidArgument error", err)
	}
}

func refusesToWrite(t *testing.T, e Encoding) {
	held := func(name protoreflect.Name, v proto.Message) proto.Message {
		m := All(t).New()
		fd := m.Descriptor().Fields().ByName(name)
		b, err := proto.MarshalOptions{AllowPartial: true}.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := proto.Unmarshal(b, m.Mutable(fd).Message().Interface()); err != nil {
			t.Fatal(err)
		}
		return m.Interface()
	}
	text := func(name protoreflect.Name, add func(m protoreflect.Message, fd protoreflect.FieldDescriptor)) proto.Message {
		m := All(t).New()
		add(m, m.Descriptor().Fields().ByName(name))
		return m.Interface()
	}
	for want, m := range map[string]proto.Message{
		"fString: the text is not UTF-8": text("f_string", func(m protoreflect.Message, fd protoreflect.FieldDescriptor) {
			m.Set(fd, protoreflect.ValueOfString("\xff"))
		}),
		"rString[0]: the text is not UTF-8": text("r_string", func(m protoreflect.Message, fd protoreflect.FieldDescriptor) {
			m.Mutable(fd).List().Append(protoreflect.ValueOfString("\xff"))
		}),
		`mStringInt32["\xff"]: the text is not UTF-8`: text("m_string_int32", func(m protoreflect.Message, fd protoreflect.FieldDescriptor) {
			m.Mutable(fd).Map().Set(protoreflect.ValueOfString("\xff").MapKey(), protoreflect.ValueOfInt32(1))
		}),
		"value: a Value without a kind":     held("value", &structpb.Value{}),
		"outside of the years 1 to 9999":    held("time", &timestamppb.Timestamp{Seconds: 253402300800}),
		"time: a time of 0 s and -1 ns":     held("time", &timestamppb.Timestamp{Nanos: -1}),
		"longer than 10,000 years":          held("duration", &durationpb.Duration{Seconds: 315576000001}),
		"whose signs differ":                held("duration", &durationpb.Duration{Seconds: 1, Nanos: -1}),
		`mask[0]: the path "foo__bar"`:      held("mask", &fieldmaskpb.FieldMask{Paths: []string{"foo__bar"}}),
		`mask[1]: the path "fooBar"`:        held("mask", &fieldmaskpb.FieldMask{Paths: []string{"a", "fooBar"}}),
		`any: an Any of "x/no.Such"`:        held("any", &anypb.Any{TypeUrl: "x/no.Such"}),
		"nested more than 100 deep":         held("value", nestedTree(52)),
		"any: an Any with a value and no":   held("any", &anypb.Any{Value: []byte{1}}),
		"any: an Any whose value is no goo": held("any", &anypb.Any{TypeUrl: "/google.protobuf.Duration", Value: []byte{1}}),
		"protomaptest.v1.Two":               dynamicpb.NewMessage(Two(t).Descriptor()), // lacks a required field
	} {
		dst, err := e.Codec.MarshalAppend([]byte("head"), m)
		if status.CodeOf(err) != status.Internal || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an Internal error with %q", err, want)
		}
		if string(dst) != "head" {
			t.Errorf("%s: dst after an error: got %q, want %q", want, dst, "head")
		}
	}
}
