package codec_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

func TestMeta_KeepsValuesInOrder(t *testing.T) {
	one := codec.Meta(nil).With("Key", "1")
	two, other := one.With("key", "2"), one.With("else", "3")
	if diff := cmp.Diff([]string{"1", "2"}, two.Values("KEY")); diff != "" {
		t.Error(diff)
	}
	if one.Get("key") != "1" || len(one) != 1 || other.Get("key") != "1" || other.Get("Else") != "3" || other.Get("none") != "" {
		t.Errorf("one %v, other %v", one, other)
	}
}

func TestMeta_Check(t *testing.T) {
	for _, c := range []struct {
		key, value string
		ok         bool
	}{
		{"key", "value with spaces ~", true},
		{"a-b_c.9", "", true},
		{"raw-bin", "\x00\xff\n", true},
		{"", "x", false},
		{"Key", "x", false},
		{"k:ey", "x", false},
		{"schlüssel", "x", false},
		{"key", "ü", false},
		{"key", "a\nb", false},
		{"key", "\x7f", false},
		{"content-type", "x", false},
		{"connect-timeout-ms", "x", false},
		{"grpc-status", "x", false},
		{"trailer-x", "x", false},
		{"te", "x", false},
	} {
		err := codec.Meta{{Key: "good", Value: "x"}, {Key: c.key, Value: c.value}}.Check()
		if (err == nil) != c.ok || err != nil && status.CodeOf(err) != status.InvalidArgument {
			t.Errorf("%q: %q: got %v, want ok %v", c.key, c.value, err, c.ok)
		}
	}
}

func TestNotSent_IsBothErrors(t *testing.T) {
	err := codec.NotSent(status.Errorf(status.Unavailable, "nobody there"))
	if !errors.Is(err, codec.ErrNotSent) || status.CodeOf(err) != status.Unavailable || err.Error() != "unavailable: nobody there" {
		t.Errorf("got %v", err)
	}
}

func TestLimits_ZeroIsSafe(t *testing.T) {
	l := codec.Limits{MessageBytes: 7}.WithDefaults()
	if l.MessageBytes != 7 || l.HeaderBytes != 64<<10 || l.Calls != 100 || l.HandshakeTimeout != 10*time.Second || l.WriteTimeout == 0 {
		t.Errorf("got %+v", l)
	}
}

func TestCodecs_Find(t *testing.T) {
	if codec.Codecs(nil).Find("proto") != nil {
		t.Error("found a codec among none")
	}
}
