package protorpc

import (
	"math"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

// Blocks are protobuf messages, defined in SPEC.md. They are written and read by hand: a head is part of every call.

// settings is what one side tells the other that it accepts.
type settings struct{ window, maxMessage, maxHead, maxCalls int }

func (s settings) append(dst []byte) []byte {
	for i, v := range []int{s.window, s.maxMessage, s.maxHead, s.maxCalls} {
		dst = protowire.AppendTag(dst, protowire.Number(i+1), protowire.VarintType)
		dst = protowire.AppendVarint(dst, uint64(v)) //nolint:gosec // never negative
	}
	return dst
}

func parseSettings(b []byte) (settings, error) {
	var v [5]int
	err := fields(b, func(num protowire.Number, n uint64, _ []byte) error {
		if num < protowire.Number(len(v)) {
			v[num] = int(min(n, math.MaxInt32))
		}
		return nil
	})
	if v[1] < minWindow {
		return settings{}, broken("settings with a window of %d bytes, less than %d", v[1], minWindow)
	}
	def := codec.Limits{MessageBytes: v[2], HeaderBytes: v[3], Calls: v[4]}.WithDefaults()
	return settings{v[1], def.MessageBytes, def.HeaderBytes, def.Calls}, err
}

func appendHead(dst []byte, call *codec.Call) []byte {
	dst = protowire.AppendTag(dst, 1, protowire.BytesType)
	dst = protowire.AppendString(dst, call.Method)
	if call.Kind != codec.Unary {
		dst = protowire.AppendTag(dst, 2, protowire.VarintType)
		dst = protowire.AppendVarint(dst, uint64(call.Kind))
	}
	if name := call.Codec.Name(); name != "proto" {
		dst = protowire.AppendTag(dst, 3, protowire.BytesType)
		dst = protowire.AppendString(dst, name)
	}
	if call.Timeout > 0 {
		dst = protowire.AppendTag(dst, 4, protowire.VarintType)
		dst = protowire.AppendVarint(dst, uint64(max(1, call.Timeout/time.Microsecond)))
	}
	return appendMeta(dst, 5, call.Header)
}

// parseHead reads a head into call, all but the method and the codec, whose names it returns.
func parseHead(b []byte, call *codec.Call) (method, codecName []byte, err error) {
	codecName = protoName
	err = fields(b, func(num protowire.Number, n uint64, v []byte) (err error) {
		switch num {
		case 1:
			method = v
		case 2:
			if n > uint64(codec.BidiStream) {
				return broken("a call of kind %d", n)
			}
			call.Kind = codec.Kind(n)
		case 3:
			codecName = v
		case 4:
			call.Timeout = time.Duration(min(n, math.MaxInt64/1000)) * time.Microsecond
		case 5:
			call.Header, err = parseField(call.Header, v)
		}
		return err
	})
	return method, codecName, err
}

var protoName = []byte("proto")

// appendMeta appends meta as the repeated field num.
func appendMeta(dst []byte, num protowire.Number, meta codec.Meta) []byte {
	for _, f := range meta {
		size := protowire.SizeTag(1) + protowire.SizeBytes(len(f.Key)) + protowire.SizeTag(2) + protowire.SizeBytes(len(f.Value))
		dst = protowire.AppendTag(dst, num, protowire.BytesType)
		dst = protowire.AppendVarint(dst, uint64(size)) //nolint:gosec // never negative
		dst = protowire.AppendTag(dst, 1, protowire.BytesType)
		dst = protowire.AppendString(dst, f.Key)
		dst = protowire.AppendTag(dst, 2, protowire.BytesType)
		dst = protowire.AppendString(dst, f.Value)
	}
	return dst
}

func parseField(meta codec.Meta, b []byte) (codec.Meta, error) {
	var f codec.Field
	err := fields(b, func(num protowire.Number, _ uint64, v []byte) error {
		switch num {
		case 1:
			f.Key = string(v)
		case 2:
			f.Value = string(v)
		}
		return nil
	})
	return append(meta, f), err
}

// A tail is how a call ended.
type tail struct {
	err         *status.Error // nil for success
	trailer     codec.Meta
	unprocessed bool // no handler has seen the call
}

// message says why a connection or a call ends.
func (t *tail) message() string {
	if t.err == nil {
		return "no reason given"
	}
	return t.err.Message
}

func (t *tail) append(dst []byte) []byte {
	if t.err != nil {
		dst = protowire.AppendTag(dst, 1, protowire.VarintType)
		dst = protowire.AppendVarint(dst, uint64(t.err.Code))
		if t.err.Message != "" {
			dst = protowire.AppendTag(dst, 2, protowire.BytesType)
			dst = protowire.AppendString(dst, strings.ToValidUTF8(t.err.Message, "\uFFFD"))
		}
		for _, detail := range t.err.Details {
			if b, err := proto.Marshal(detail); err == nil {
				dst = protowire.AppendTag(dst, 3, protowire.BytesType)
				dst = protowire.AppendBytes(dst, b)
			}
		}
	}
	dst = appendMeta(dst, 4, t.trailer)
	if t.unprocessed {
		dst = protowire.AppendTag(dst, 5, protowire.VarintType)
		dst = protowire.AppendVarint(dst, 1)
	}
	return dst
}

func parseTail(b []byte) (t tail, err error) {
	if len(b) == 0 {
		return t, nil
	}
	var e status.Error
	err = fields(b, func(num protowire.Number, n uint64, v []byte) (err error) {
		switch num {
		case 1:
			e.Code = status.Code(min(n, math.MaxUint32))
		case 2:
			e.Message = string(v)
		case 3:
			detail := new(anypb.Any)
			err = proto.Unmarshal(v, detail)
			e.Details = append(e.Details, detail)
		case 4:
			t.trailer, err = parseField(t.trailer, v)
		case 5:
			t.unprocessed = n != 0
		}
		return err
	})
	if e.Code != status.OK {
		t.err = &e
	}
	return t, err
}

// fields calls f for each field of the message b with its varint or its bytes. Fields of other types are passed over.
func fields(b []byte, f func(num protowire.Number, n uint64, v []byte) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return broken("a block that is no protobuf message")
		}
		b = b[n:]
		var varint uint64
		var bytes []byte
		switch typ {
		case protowire.VarintType:
			varint, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			bytes, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
			num = 0
		}
		if n < 0 {
			return broken("a block that is no protobuf message")
		}
		b = b[n:]
		if num > 0 {
			if err := f(num, varint, bytes); err != nil {
				return err
			}
		}
	}
	return nil
}
