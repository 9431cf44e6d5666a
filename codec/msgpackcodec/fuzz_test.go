package msgpackcodec_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/protomicro/micro/codec/internal/protomap/protomaptest"
	"github.com/protomicro/micro/codec/msgpackcodec"
)

func FuzzUnmarshal(f *testing.F) {
	all := protomaptest.All(f)
	seeded := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		m := all.New()
		protomaptest.Fill(seeded, m, 3)
		encoded, err := msgpackcodec.Codec{}.MarshalAppend(nil, m.Interface())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(encoded)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		protomaptest.CheckUnmarshal(t, msgpackcodec.Codec{}, all, src)
		protomaptest.CheckUnmarshal(t, msgpackcodec.Codec{}, protomaptest.Two(t), src)
	})
}

// What stands under a key that nobody knows is well formed if msgp can skip it.
func FuzzSkip(f *testing.F) {
	for _, v := range []any{nil, true, 5, -500, 1.5, "text", []byte{1, 2}, []any{1, map[string]any{"a": []any{}}}} {
		f.Add(encode(f, v))
	}
	f.Add([]byte{0xd6, 0xff, 0, 0, 0, 1})
	f.Add([]byte{0xc7, 0, 5})
	f.Fuzz(func(t *testing.T, src []byte) {
		err := msgpackcodec.Codec{}.Unmarshal(append([]byte{0x81, 0xa1, 'x'}, src...), &emptypb.Empty{})
		rest, want := msgp.Skip(src)
		malformed := want != nil || len(rest) > 0
		if (err != nil) != malformed && (err == nil || !strings.Contains(err.Error(), "nested more than")) {
			t.Errorf("%x: got %v, msgp says %v and leaves %d bytes", src, err, want, len(rest))
		}
	})
}
