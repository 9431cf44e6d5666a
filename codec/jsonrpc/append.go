package jsonrpc

import (
	"bytes"
	"strconv"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/objectrpc"
)

const null = "null"

// appendObject appends f. What tells whose an object is comes first, so that a receiver for which it is too large can say
// so to the right call.
func appendObject(dst []byte, f *objectrpc.Frame) []byte {
	dst = append(dst, `{"jsonrpc":"2.0"`...)
	switch f.Type {
	case objectrpc.Request:
		dst = appendRequest(dst, f)
	case objectrpc.Response:
		dst = appendResponse(dst, f)
	case objectrpc.Message:
		dst = appendNotification(dst, messageMethod, f)
	case objectrpc.End:
		dst = appendNotification(dst, endMethod, f)
	case objectrpc.Cancel:
		dst = appendNotification(dst, cancelMethod, f)
	case objectrpc.Credit:
		dst = appendNotification(dst, creditMethod, f)
	case objectrpc.GoAway:
		dst = append(dst, `,"method":"`+goAwayMethod+`"`...)
	case objectrpc.Nothing, objectrpc.Malformed, objectrpc.Batch: // are only read
	}
	return append(dst, '}')
}

func appendRequest(dst []byte, f *objectrpc.Frame) []byte {
	dst = append(append(dst, `,"id":`...), f.ID...)
	dst = appendText(append(dst, `,"method":`...), f.Method)
	if f.Kind != codec.Unary {
		dst = append(append(dst, `,"stream":`...), [...]string{"", `"client"`, `"server"`, `"bidi"`}[f.Kind&3]...)
	}
	if f.Extended {
		dst = appendMeta(append(dst, `,"meta":`...), f.Header)
	}
	if f.Timeout > 0 {
		ms := max(int64((f.Timeout+time.Millisecond/2)/time.Millisecond), 1)
		dst = strconv.AppendInt(append(dst, `,"timeout":`...), min(ms, 1<<40), 10)
	}
	if f.Credit > 0 {
		dst = strconv.AppendInt(append(dst, `,"window":`...), int64(f.Credit), 10)
	}
	switch {
	case f.Body == nil:
		return dst
	case bytes.HasPrefix(f.Body, []byte("{")):
		return append(append(dst, `,"params":`...), f.Body...)
	}
	return append(append(append(dst, `,"params":[`...), f.Body...), ']')
}

func appendResponse(dst []byte, f *objectrpc.Frame) []byte {
	dst = append(dst, `,"id":`...)
	if f.ID == nil {
		dst = append(dst, null...)
	}
	dst = append(dst, f.ID...)
	if len(f.Header) > 0 {
		dst = appendMeta(append(dst, `,"meta":`...), f.Header)
	}
	if len(f.Trailer) > 0 {
		dst = appendMeta(append(dst, `,"trailer":`...), f.Trailer)
	}
	switch {
	case f.Err != nil:
		return appendError(append(dst, `,"error":`...), f)
	case f.Body == nil:
		return append(dst, `,"result":null`...)
	}
	return append(append(dst, `,"result":`...), f.Body...)
}

func appendNotification(dst []byte, method string, f *objectrpc.Frame) []byte {
	dst = append(append(append(dst, `,"method":"`...), method...), `","params":{"id":`...)
	dst = append(dst, f.ID...)
	if len(f.Header) > 0 {
		dst = appendMeta(append(dst, `,"meta":`...), f.Header)
	}
	if f.Type == objectrpc.Credit {
		dst = strconv.AppendInt(append(dst, `,"bytes":`...), int64(f.Credit), 10)
	}
	if f.Body != nil {
		dst = append(append(dst, `,"message":`...), f.Body...)
	}
	return append(dst, '}')
}
