package msgpackrpc

import (
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/objectrpc"
	"github.com/protomicro/micro/status"
)

// The methods of the notifications that are not calls.

const (
	messageMethod = "rpc.message"
	endMethod     = "rpc.end"
	cancelMethod  = "rpc.cancel"
	creditMethod  = "rpc.credit"
	goAwayMethod  = "rpc.goaway"
)

// The types of messages in the published format.
const (
	request      = 0
	response     = 1
	notification = 2
)

const null = 0xc0

// decode reads a whole value into f. An error is one that nobody can be told of but by the end of the connection.
func decode(f *objectrpc.Frame, b []byte, lim codec.Limits) error {
	parts, ok := list(b)
	if !ok || len(parts) < 3 || len(parts) > 5 {
		return objectrpc.Broken("a message that is not an array of 3 to 5 elements")
	}
	typ, ok := number(parts[0], notification)
	parts = parts[1:]
	if ok && typ != notification {
		if f.ID = identity(parts[0]); f.ID == nil {
			return objectrpc.Broken("a message whose id is not a number of 32 bits")
		}
		parts = parts[1:]
	}
	switch {
	case ok && typ == request && (len(parts) == 2 || len(parts) == 3):
		decodeRequest(f, parts, len(b), lim)
	case ok && typ == response && (len(parts) == 2 || len(parts) == 3):
		decodeResponse(f, parts, len(b), lim)
	case ok && typ == notification && (len(parts) == 2 || len(parts) == 3):
		decodeRequest(f, parts, len(b), lim)
	default:
		return objectrpc.Broken("a message of another type than 0, 1 and 2, or with another number of elements")
	}
	return nil
}

// An extension is the map behind what the published format has.
type extension struct {
	kind          codec.Kind
	timeout       time.Duration
	window        int
	meta, trailer codec.Meta
}

func parseExtension(b []byte) (x extension, err *status.Error) {
	fail := func(format string, args ...any) {
		if err == nil {
			err = status.Errorf(status.InvalidArgument, format, args...)
		}
	}
	ok := members(b, func(key string, value []byte) {
		var e *status.Error
		switch n, isNumber := number(value, 1<<40); key {
		case "stream":
			switch kind, _ := text(value); kind {
			case "client":
				x.kind = codec.ClientStream
			case "server":
				x.kind = codec.ServerStream
			case "bidi":
				x.kind = codec.BidiStream
			default:
				fail(`"stream" is not "client", "server" or "bidi"`)
			}
		case "timeout":
			if !isNumber {
				fail(`"timeout" is not a number from 0 to %d`, 1<<40)
			}
			x.timeout = max(time.Duration(n)*time.Millisecond, 1) //nolint:gosec // 0 ms have passed when they arrive
		case "window":
			if !isNumber {
				fail(`"window" is not a number from 0 to %d`, 1<<40)
			}
			x.window = int(n) //nolint:gosec // it is in range
		case "meta":
			x.meta, e = parseMeta(value)
		case "trailer":
			x.trailer, e = parseMeta(value)
		}
		if e != nil {
			fail("%s", e.Message)
		}
	})
	if !ok {
		fail("what stands behind the parameters is not a map with strings as keys")
	}
	return x, err
}

// decodeRequest reads the method and what follows it.
func decodeRequest(f *objectrpc.Frame, parts [][]byte, size int, lim codec.Limits) {
	f.Type = objectrpc.Request
	var err *status.Error
	method, ok := text(parts[0])
	if f.Method = method; !ok {
		err = status.Errorf(status.InvalidArgument, "the method is not a string")
	}
	if f.ID == nil && decodeNotification(f, parts[1], lim) {
		return
	}
	if len(parts) == 3 && err == nil {
		f.Extended = true
		var x extension
		x, err = parseExtension(parts[2])
		f.Kind, f.Timeout, f.Credit, f.Header = x.kind, x.timeout, x.window, x.meta
	}
	if err == nil {
		f.Body, err = parseParams(parts[1], f.Kind)
	}
	if err == nil {
		err = tooLarge(len(f.Body), size-len(f.Body), lim)
	}
	switch {
	case err != nil && f.ID == nil:
		f.Type = objectrpc.Nothing // nobody is answered
	case err != nil:
		f.Type, f.Err = objectrpc.Malformed, err
	}
}

func tooLarge(message, rest int, lim codec.Limits) *status.Error {
	switch {
	case message > lim.MessageBytes:
		return status.Errorf(status.ResourceExhausted, "a message of more than %d bytes", lim.MessageBytes)
	case rest > lim.HeaderBytes:
		return status.Errorf(status.ResourceExhausted, "%d bytes besides the message, of which %d are accepted", rest, lim.HeaderBytes)
	}
	return nil
}

// parseParams returns the message that params hold: the only element of an array, or a map itself. A call that takes one
// message and has none gets an empty one.
func parseParams(b []byte, kind codec.Kind) ([]byte, *status.Error) {
	switch msgp.NextType(b) {
	case msgp.MapType:
		return b, nil
	case msgp.NilType:
		b = nil
	case msgp.ArrayType:
		n, rest, err := msgp.ReadArrayHeaderBytes(b)
		if err != nil || n > 1 {
			return nil, status.Errorf(status.InvalidArgument, "%d parameters, and a method takes one message", n)
		}
		if b = rest; n == 0 {
			b = nil
		}
	default:
		return nil, status.Errorf(status.InvalidArgument, "the parameters are neither an array nor a map")
	}
	if b == nil && (kind == codec.Unary || kind == codec.ServerStream) {
		return []byte{0x80}, nil
	}
	return b, nil
}

func notificationType(method string) objectrpc.Type {
	switch method {
	case messageMethod:
		return objectrpc.Message
	case endMethod:
		return objectrpc.End
	case cancelMethod:
		return objectrpc.Cancel
	case creditMethod:
		return objectrpc.Credit
	case goAwayMethod:
		return objectrpc.GoAway
	}
	return objectrpc.Nothing
}

// decodeNotification reads what is no call, and tells whether f is that.
func decodeNotification(f *objectrpc.Frame, params []byte, lim codec.Limits) bool {
	typ := notificationType(f.Method)
	if typ == objectrpc.Nothing {
		return false
	}
	f.Type = typ
	if elements, ok := list(params); ok && len(elements) == 1 {
		params = elements[0]
	}
	members(params, func(key string, value []byte) {
		switch key {
		case "id":
			f.ID = identity(value)
		case "message":
			f.Body = value
		case "bytes":
			n, _ := number(value, 1<<40)
			f.Credit = int(n) //nolint:gosec // it is in range
		case "meta":
			f.Header, f.Err = parseMeta(value)
		}
	})
	switch err := tooLarge(len(f.Body), len(params)-len(f.Body), lim); {
	case err != nil:
		f.Err = err
	case f.Body == nil && f.Type == objectrpc.Message:
		f.Err = status.Errorf(status.InvalidArgument, `%s has no "message"`, messageMethod)
	}
	return true
}

// decodeCut reads a message that is too large, of which b is the beginning, as far as it goes: whose it is.
func decodeCut(f *objectrpc.Frame, b []byte, lim codec.Limits) error {
	f.Type = objectrpc.Malformed
	f.Err = status.Errorf(status.ResourceExhausted, "more than %d bytes", lim.MessageBytes)
	n, rest, _ := msgp.ReadArrayHeaderBytes(b)
	f.Extended = n == 5
	typ, rest, err := msgp.ReadUint64Bytes(rest)
	end := valueEnd(rest)
	switch {
	case err != nil || typ > notification || end < 0:
	case typ != notification:
		f.ID = identity(rest[:end])
	default:
		method, _ := text(rest[:end])
		if t := notificationType(method); t != objectrpc.Message && t != objectrpc.End {
			f.Type = objectrpc.Nothing // nobody is answered
			return nil
		}
		if _, rest, err = msgp.ReadArrayHeaderBytes(rest[end:]); err == nil {
			members(rest, func(key string, value []byte) {
				if key == "id" {
					f.Type, f.ID = objectrpc.Message, identity(value)
				}
			})
		}
	}
	if f.ID == nil {
		return objectrpc.Broken("a message of more than %d bytes that says not whose it is", lim.MessageBytes)
	}
	return nil
}
