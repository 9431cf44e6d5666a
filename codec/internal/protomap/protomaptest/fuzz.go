package protomaptest

import (
	"bytes"
	"runtime"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

// CheckUnmarshal decodes src as a message of type mt. Whatever src is, that takes no more memory than src has cause for,
// and what was decoded is the same after another round trip.
func CheckUnmarshal(t *testing.T, c codec.Codec, mt protoreflect.MessageType, src []byte) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m := mt.New().Interface()
	err := c.Unmarshal(src, m)
	runtime.ReadMemStats(&after)
	if used, most := after.TotalAlloc-before.TotalAlloc, 1<<20+2048*uint64(len(src)); used > most {
		t.Errorf("%x: %d bytes were allocated, want at most %d", src, used, most)
	}
	if err != nil {
		if status.CodeOf(err) != status.InvalidArgument {
			t.Errorf("%x: got %v, want an InvalidArgument error", src, err)
		}
		return
	}
	encoded, err := c.MarshalAppend(nil, m)
	if err != nil {
		t.Fatalf("%x: what was decoded cannot be encoded: %v", src, err)
	}
	again := mt.New().Interface()
	if err := c.Unmarshal(encoded, again); err != nil {
		t.Fatalf("%x: what was encoded as %x cannot be decoded: %v", src, encoded, err)
	}
	if !proto.Equal(m, again) {
		t.Errorf("%x: decoded\n %s\nand after another round trip\n %s", src, describe(m), describe(again))
	}
	third, err := c.MarshalAppend(nil, again)
	if err != nil || !bytes.Equal(third, encoded) {
		t.Errorf("%x: encoded as %x, then as %x, %v", src, encoded, third, err)
	}
}
