package msgpackrpc

import (
	"slices"
	"strings"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/objectrpc"
)

// appendObject appends f. What tells whose a message is comes first, so that a receiver for which it is too large can say
// so to the right call.
func appendObject(dst []byte, f *objectrpc.Frame) []byte {
	switch f.Type {
	case objectrpc.Request:
		return appendRequest(dst, f)
	case objectrpc.Response:
		return appendResponse(dst, f)
	case objectrpc.Message:
		return appendNotification(dst, messageMethod, f)
	case objectrpc.End:
		return appendNotification(dst, endMethod, f)
	case objectrpc.Cancel:
		return appendNotification(dst, cancelMethod, f)
	case objectrpc.Credit:
		return appendNotification(dst, creditMethod, f)
	case objectrpc.GoAway:
		return appendNotification(dst, goAwayMethod, f)
	case objectrpc.Nothing, objectrpc.Malformed, objectrpc.Batch: // are only read
	}
	return dst
}

func appendRequest(dst []byte, f *objectrpc.Frame) []byte {
	elements := uint32(4)
	if f.Extended {
		elements = 5
	}
	dst = msgp.AppendUint64(msgp.AppendArrayHeader(dst, elements), request)
	dst = msgp.AppendString(append(dst, f.ID...), f.Method)
	if f.Body == nil {
		dst = msgp.AppendArrayHeader(dst, 0)
	} else {
		dst = append(msgp.AppendArrayHeader(dst, 1), f.Body...)
	}
	if !f.Extended {
		return dst
	}
	var x table
	x.meta("meta", f.Header)
	if f.Kind != codec.Unary {
		x.b = msgp.AppendString(x.key("stream"), [...]string{"", "client", "server", "bidi"}[f.Kind&3])
	}
	if f.Timeout > 0 {
		ms := max(int64((f.Timeout+time.Millisecond/2)/time.Millisecond), 1)
		x.b = msgp.AppendInt64(x.key("timeout"), min(ms, 1<<40))
	}
	if f.Credit > 0 {
		x.b = msgp.AppendInt(x.key("window"), f.Credit)
	}
	return x.appendTo(dst)
}

func appendResponse(dst []byte, f *objectrpc.Frame) []byte {
	var x table
	x.meta("meta", f.Header)
	x.meta("trailer", f.Trailer)
	elements := uint32(4)
	if x.n > 0 {
		elements = 5
	}
	dst = msgp.AppendUint64(msgp.AppendArrayHeader(dst, elements), response)
	dst = append(dst, f.ID...)
	switch {
	case f.Err != nil && f.Extended:
		dst = append(appendError(dst, f), null)
	case f.Err != nil:
		dst = append(msgp.AppendString(dst, strings.ToValidUTF8(f.Err.Error(), "\uFFFD")), null)
	case f.Body == nil:
		dst = append(dst, null, null)
	default:
		dst = append(append(dst, null), f.Body...)
	}
	if x.n > 0 {
		dst = x.appendTo(dst)
	}
	return dst
}

func appendError(dst []byte, f *objectrpc.Frame) []byte {
	var x table
	x.b = msgp.AppendUint32(x.key("code"), uint32(f.Err.Code))
	x.b = msgp.AppendString(x.key("message"), strings.ToValidUTF8(f.Err.Message, "\uFFFD"))
	if len(f.Err.Details) > 0 {
		x.b = msgp.AppendArrayHeader(x.key("details"), uint32(len(f.Err.Details))) //nolint:gosec // what memory holds
		for _, d := range f.Err.Details {
			var one table
			one.b = msgp.AppendString(one.key("type"), d.GetTypeUrl())
			one.b = msgp.AppendBytes(one.key("value"), d.GetValue())
			x.b = one.appendTo(x.b)
		}
	}
	if f.Unprocessed {
		x.b = msgp.AppendBool(x.key("unprocessed"), true)
	}
	return x.appendTo(dst)
}

func appendNotification(dst []byte, method string, f *objectrpc.Frame) []byte {
	dst = msgp.AppendUint64(msgp.AppendArrayHeader(dst, 3), notification)
	dst = msgp.AppendArrayHeader(msgp.AppendString(dst, method), 1)
	var x table
	if f.ID != nil {
		x.b = append(x.key("id"), f.ID...)
	}
	x.meta("meta", f.Header)
	if f.Type == objectrpc.Credit {
		x.b = msgp.AppendInt(x.key("bytes"), f.Credit)
	}
	n := x.n
	if f.Body != nil {
		n++
	}
	dst = append(msgp.AppendMapHeader(dst, n), x.b...)
	if f.Body != nil {
		dst = append(msgp.AppendString(dst, "message"), f.Body...)
	}
	return dst
}

// A table is a map that is being written.
type table struct {
	n uint32
	b []byte
}

// key begins a member and returns the bytes to append its value to.
func (x *table) key(name string) []byte {
	x.n++
	return msgp.AppendString(x.b, name)
}

func (x *table) appendTo(dst []byte) []byte { return append(msgp.AppendMapHeader(dst, x.n), x.b...) }

// meta adds metadata, unless there is none, as a map of arrays.
func (x *table) meta(name string, meta codec.Meta) {
	if len(meta) == 0 {
		return
	}
	var all table
	for i, f := range meta {
		if codec.Reserved(f.Key) || slices.ContainsFunc(meta[:i], func(g codec.Field) bool { return strings.EqualFold(g.Key, f.Key) }) {
			continue // it is not ours to send, or was written with the first of the same key
		}
		values := meta.Values(f.Key)
		all.b = msgp.AppendArrayHeader(all.key(strings.ToLower(f.Key)), uint32(len(values))) //nolint:gosec // what memory holds
		for _, value := range values {
			if strings.HasSuffix(strings.ToLower(f.Key), "-bin") {
				all.b = msgp.AppendBytes(all.b, []byte(value))
			} else {
				all.b = msgp.AppendString(all.b, value)
			}
		}
	}
	x.b = all.appendTo(x.key(name))
}
