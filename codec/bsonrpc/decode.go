package bsonrpc

import (
	"time"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/objectrpc"
	"github.com/protomicro/micro/status"
)

// The methods of the documents that are not calls.

const (
	messageMethod = "rpc.message"
	endMethod     = "rpc.end"
	cancelMethod  = "rpc.cancel"
	creditMethod  = "rpc.credit"
	goAwayMethod  = "rpc.goaway"
)

// An envelope is the elements of a document that mean something.
type envelope struct {
	id, method, params, result, err        *bsoncore.Value
	meta, trailer, timeout, stream, window *bsoncore.Value
	message, bytes                         *bsoncore.Value

	twice bool // one of the first line stands there more than once
	cut   bool // the last is not whole
	valid bool // it is one document
}

func open(b []byte) (e envelope) {
	e.valid = members(b, func(key string, v bsoncore.Value, whole bool) {
		if field := e.field(key); field != nil {
			e.twice = e.twice || *field != nil
			e.cut = !whole
			*field = &v
		}
	})
	return e
}

func (e *envelope) field(key string) **bsoncore.Value {
	switch key {
	case "id":
		return &e.id
	case "method":
		return &e.method
	case "params":
		return &e.params
	case "result":
		return &e.result
	case "error":
		return &e.err
	case "meta":
		return &e.meta
	case "trailer":
		return &e.trailer
	case "timeout":
		return &e.timeout
	case "stream":
		return &e.stream
	case "window":
		return &e.window
	case "message":
		return &e.message
	case "bytes":
		return &e.bytes
	}
	return nil
}

// decode reads a document into f.
func decode(f *objectrpc.Frame, b []byte, lim codec.Limits) {
	e := open(b)
	f.ID = identity(e.id)
	f.Method = text(e.method)
	switch {
	case !e.valid:
		f.ID = nil
		malformed(f, "it is not BSON")
	case e.twice:
		malformed(f, "an element stands there twice")
	case e.id != nil && f.ID == nil:
		malformed(f, `"id" is a document or an array`)
	case e.method == nil && (e.result != nil || e.err != nil):
		decodeResponse(f, &e, len(b), lim)
	case f.Method == "":
		malformed(f, `"method" is not a string`)
	case e.id != nil || !decodeNotification(f, e.params, lim):
		decodeRequest(f, &e, len(b), lim)
	}
}

// malformed makes f an object that is answered with an error.
func malformed(f *objectrpc.Frame, reason string) {
	f.Type, f.Err = objectrpc.Malformed, status.Errorf(status.InvalidArgument, "invalid request: %s", reason)
}

func decodeRequest(f *objectrpc.Frame, e *envelope, size int, lim codec.Limits) {
	f.Type, f.Extended = objectrpc.Request, e.meta != nil
	var ms int
	var err *status.Error
	f.Kind, err = parseKind(e.stream)
	if err == nil {
		f.Body, err = parseParams(e.params, f.Kind)
	}
	if err == nil {
		f.Header, err = parseMeta(e.meta)
	}
	if err == nil {
		ms, err = parseCount("timeout", e.timeout)
	}
	if err == nil {
		f.Credit, err = parseCount("window", e.window)
	}
	if err == nil {
		err = tooLarge(len(f.Body), size-len(f.Body), lim)
	}
	if e.timeout != nil {
		f.Timeout = max(time.Duration(ms)*time.Millisecond, 1) // 0 ms have passed when they arrive
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

func parseKind(v *bsoncore.Value) (codec.Kind, *status.Error) {
	switch s := text(v); {
	case v == nil:
		return codec.Unary, nil
	case s == "client":
		return codec.ClientStream, nil
	case s == "server":
		return codec.ServerStream, nil
	case s == "bidi":
		return codec.BidiStream, nil
	}
	return 0, status.Errorf(status.InvalidArgument, `"stream" is not "client", "server" or "bidi"`)
}

// parseParams returns the document that params are, or the only element of an array. A call that takes one message and has
// none gets an empty one.
func parseParams(v *bsoncore.Value, kind codec.Kind) ([]byte, *status.Error) {
	if v != nil && v.Type == bsoncore.TypeArray {
		elements := list(v)
		if len(elements) > 1 {
			return nil, status.Errorf(status.InvalidArgument, `"params" has more than one element`)
		}
		v = nil
		if len(elements) == 1 {
			v = &elements[0]
		}
	}
	switch {
	case v == nil && (kind == codec.Unary || kind == codec.ServerStream):
		return []byte{5, 0, 0, 0, 0}, nil
	case v == nil:
		return nil, nil
	case v.Type != bsoncore.TypeEmbeddedDocument:
		return nil, status.Errorf(status.InvalidArgument, `"params" is not a document`)
	}
	return v.Data, nil
}

// decodeNotification reads what is no call, and tells whether f is that.
func decodeNotification(f *objectrpc.Frame, params *bsoncore.Value, lim codec.Limits) bool {
	types := map[string]objectrpc.Type{
		messageMethod: objectrpc.Message, endMethod: objectrpc.End, cancelMethod: objectrpc.Cancel, creditMethod: objectrpc.Credit,
		goAwayMethod: objectrpc.GoAway,
	}
	typ, ok := types[f.Method]
	if f.Type = typ; !ok || typ == objectrpc.GoAway {
		return ok
	}
	if params == nil {
		f.Type = objectrpc.Nothing
		return true
	}
	e := open(params.Data)
	f.ID = identity(e.id)
	if e.message != nil && e.message.Type == bsoncore.TypeEmbeddedDocument {
		f.Body = e.message.Data
	}
	f.Header, f.Err = parseMeta(e.meta)
	f.Credit, _ = parseCount("bytes", e.bytes)
	switch err := tooLarge(len(f.Body), len(params.Data)-len(f.Body), lim); {
	case err != nil:
		f.Err = err
	case f.Body == nil && (f.Type == objectrpc.Message || e.message != nil):
		f.Err = status.Errorf(status.InvalidArgument, `"message" is not a document`)
	}
	return true
}

// decodeCut reads a document that is too large, of which b is the beginning, as far as it goes: whose it is.
func decodeCut(f *objectrpc.Frame, b []byte, lim codec.Limits) {
	e := open(b)
	f.Type = objectrpc.Malformed
	f.Err = status.Errorf(status.ResourceExhausted, "more than %d bytes", lim.MessageBytes)
	if f.ID = identity(e.id); e.cut && e.params == nil && e.result == nil { // it is perhaps the id that is not whole
		f.ID = nil
	}
	if method := text(e.method); e.cut && e.params != nil && (method == messageMethod || method == endMethod) {
		inner := open(e.params.Data)
		f.Type, f.ID = objectrpc.Message, identity(inner.id)
	}
}
