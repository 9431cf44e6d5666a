package msgpackcodec_test

import (
	"slices"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/codectest"
	"github.com/protomicro/micro/codec/internal/protomap/protomaptest"
	"github.com/protomicro/micro/codec/msgpackcodec"
)

func TestCodec(t *testing.T) {
	codectest.RunCodec(t, func(*testing.T) codec.Codec { return msgpackcodec.Codec{} })
}

func TestCodec_Name(t *testing.T) {
	if got := (msgpackcodec.Codec{}).Name(); got != "msgpack" {
		t.Errorf("got %q, want %q", got, "msgpack")
	}
}

func TestCodec_Mapping(t *testing.T) {
	protomaptest.Run(t, func(*testing.T) protomaptest.Encoding {
		return protomaptest.Encoding{
			Codec:  msgpackcodec.Codec{},
			Encode: encode,
			Decode: func(t testing.TB, src []byte) any {
				v, rest := decode(t, src)
				if len(rest) > 0 {
					t.Fatalf("%d bytes behind the value", len(rest))
				}
				return v
			},
		}
	})
}

func encode(t testing.TB, v any) []byte { return appendAny(t, nil, v) }

func appendAny(t testing.TB, dst []byte, v any) []byte {
	switch v := v.(type) {
	case protomaptest.Map:
		dst = msgp.AppendMapHeader(dst, uint32(len(v)))
		for _, e := range v {
			dst = appendAny(t, appendAny(t, dst, e.Key), e.Value)
		}
		return dst
	case []any:
		dst = msgp.AppendArrayHeader(dst, uint32(len(v)))
		for _, e := range v {
			dst = appendAny(t, dst, e)
		}
		return dst
	case time.Time:
		return msgp.AppendTimeExt(dst, v)
	}
	dst, err := msgp.AppendIntf(dst, v)
	if err != nil {
		t.Fatal(err)
	}
	return dst
}

// decode reads a value without knowing what should be there.
func decode(t testing.TB, src []byte) (any, []byte) {
	switch msgp.NextType(append(slices.Clip(src), 0)) {
	case msgp.MapType:
		n, rest, err := msgp.ReadMapHeaderBytes(src)
		if err != nil {
			t.Fatal(err)
		}
		entries := make(map[any]any)
		for range n {
			var key, value any
			key, rest = decode(t, rest)
			value, rest = decode(t, rest)
			entries[key] = value
		}
		return entries, rest
	case msgp.ArrayType:
		n, rest, err := msgp.ReadArrayHeaderBytes(src)
		if err != nil {
			t.Fatal(err)
		}
		list := make([]any, n)
		for i := range list {
			list[i], rest = decode(t, rest)
		}
		return list, rest
	case msgp.TimeType:
		v, rest, err := msgp.ReadTimeUTCBytes(src)
		if err != nil {
			t.Fatal(err)
		}
		return v, rest
	default:
		v, rest, err := msgp.ReadIntfBytes(src)
		if err != nil {
			t.Fatal(err)
		}
		return v, rest
	}
}
