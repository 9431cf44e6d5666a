package codecs_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec/msgpackcodec"
)

// A suiteCase is a value with all the ways to write it.
type suiteCase struct {
	Nil       *struct{}       `json:"nil"`
	Bool      *bool           `json:"bool"`
	Binary    *string         `json:"binary"`
	Number    *float64        `json:"number"`
	Bignum    *string         `json:"bignum"`
	String    *string         `json:"string"`
	Array     json.RawMessage `json:"array"`
	Map       json.RawMessage `json:"map"`
	Timestamp []int64         `json:"timestamp"`
	Ext       json.RawMessage `json:"ext"`
	Msgpack   []string        `json:"msgpack"`
}

// message returns a message that holds the value, or nil for an extension.
func (c *suiteCase) message(t *testing.T) proto.Message {
	t.Helper()
	switch {
	case c.Bool != nil:
		return wrapperspb.Bool(*c.Bool)
	case c.Binary != nil:
		return wrapperspb.Bytes(unhex(t, *c.Binary))
	case c.Bignum != nil:
		n, _ := new(big.Int).SetString(*c.Bignum, 10)
		if n.IsInt64() {
			return wrapperspb.Int64(n.Int64())
		}
		return wrapperspb.UInt64(n.Uint64())
	case c.Number != nil && *c.Number == float64(int64(*c.Number)):
		return wrapperspb.Int64(int64(*c.Number))
	case c.Number != nil:
		return wrapperspb.Double(*c.Number)
	case c.String != nil:
		return wrapperspb.String(*c.String)
	case c.Timestamp != nil:
		return &timestamppb.Timestamp{Seconds: c.Timestamp[0], Nanos: int32(c.Timestamp[1])}
	case c.Array != nil, c.Map != nil:
		v := new(structpb.Value)
		if err := protojson.Unmarshal(append(c.Array, c.Map...), v); err != nil {
			t.Fatal(err)
		}
		return v
	case c.Ext != nil:
		return nil
	}
	return structpb.NewNullValue()
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestMsgpack_Suite reads every encoding in the suite of npm's msgpack-test-suite, which clients/run.sh installs.
func TestMsgpack_Suite(t *testing.T) {
	text, err := os.ReadFile("../clients/node_modules/msgpack-test-suite/dist/msgpack-test-suite.json")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("msgpack-test-suite is not installed: run clients/run.sh")
	} else if err != nil {
		t.Fatal(err)
	}
	var groups map[string][]suiteCase
	if err := json.Unmarshal(text, &groups); err != nil {
		t.Fatal(err)
	}
	read := 0
	for group, cases := range groups {
		for _, c := range cases {
			want := c.message(t)
			for _, encoded := range c.Msgpack {
				b := unhex(t, encoded)
				read++
				if want == nil { // an extension, which is passed over as the value of an unknown key
					if err := (msgpackcodec.Codec{}).Unmarshal(append([]byte("\x81\xa1x"), b...), new(emptypb.Empty)); err != nil {
						t.Errorf("%s: %s: %v", group, encoded, err)
					}
					continue
				}
				got := want.ProtoReflect().New().Interface()
				err := msgpackcodec.Codec{}.Unmarshal(b, got)
				if ts, ok := want.(*timestamppb.Timestamp); ok && !ts.IsValid() { // one of the year 0
					if err == nil {
						t.Errorf("%s: %s: no error for %v", group, encoded, ts)
					}
					continue
				}
				if err != nil {
					t.Errorf("%s: %s: %v, want %v", group, encoded, err, want)
				} else if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
					t.Errorf("%s: %s: %s", group, encoded, diff)
				}
			}
		}
	}
	t.Logf("%d encodings", read)
	if read < 200 {
		t.Errorf("the suite has only %d encodings", read)
	}
}

// TestMsgpack_Vmihailenco checks what vmihailenco's msgpack makes of our encoding, and we of its.
func TestMsgpack_Vmihailenco(t *testing.T) {
	for _, want := range values(t) {
		b, err := msgpackcodec.Codec{}.MarshalAppend(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		var theirs any
		if err := msgpack.Unmarshal(b, &theirs); err != nil {
			t.Errorf("%v: %v", want, err)
			continue
		}
		if diff := cmp.Diff(want.AsInterface(), theirs); diff != "" {
			t.Errorf("they read something else: %s", diff)
		}
		if b, err = msgpack.Marshal(want.AsInterface()); err != nil {
			t.Fatal(err)
		}
		got := new(structpb.Value)
		if err := (msgpackcodec.Codec{}).Unmarshal(b, got); err != nil {
			t.Errorf("%v: %v", want, err)
		} else if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("we read something else: %s", diff)
		}
	}
}
