package jsonrpc

import (
	"bytes"
	"strconv"
	"strings"
	"time"

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
	lspCancel     = "$/cancelRequest"
)

const maxBatch = 100 // requests in a batch

// An envelope is the members of an object that mean something, as they stand there; nil if they do not.
type envelope struct {
	version, id, method, params, result, err []byte
	meta, trailer, timeout, stream, window   []byte

	twice bool // one of the first line stands there more than once
	cut   bool // the last is not whole
}

func open(b []byte) (e envelope) {
	members(b, func(key, value []byte, whole bool) {
		field := e.field(key)
		if field == nil {
			return
		}
		e.twice = e.twice || *field != nil
		e.cut = !whole
		*field = value
	})
	return e
}

func (e *envelope) field(key []byte) *[]byte {
	switch string(key) { // letter for letter: "Method" is another member
	case "jsonrpc":
		return &e.version
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
	}
	return nil
}

// decode reads what one line, or one body, holds into f.
func decode(f *objectrpc.Frame, b []byte, lim codec.Limits) {
	b = bytes.Trim(b, " \t\r\n")
	if wrong := check(b); wrong != "" {
		malformed(f, nil, parseError, "Parse error: "+wrong)
		return
	}
	if b[0] == '[' {
		decodeBatch(f, b, lim)
		return
	}
	decodeObject(f, b, lim)
}

func decodeBatch(f *objectrpc.Frame, b []byte, lim codec.Limits) {
	f.Type = objectrpc.Batch
	elements(b, func(value []byte) bool {
		f.Batch = append(f.Batch, objectrpc.Frame{})
		if len(f.Batch) > maxBatch {
			return false
		}
		decodeObject(&f.Batch[len(f.Batch)-1], value, lim)
		return true
	})
	switch n := len(f.Batch); {
	case n == 0:
		malformed(f, nil, invalidRequest, "Invalid Request: an empty batch")
	case n > maxBatch:
		f.Batch = nil
		f.Type, f.Err = objectrpc.Malformed, status.Errorf(status.ResourceExhausted, "a batch of more than %d requests", maxBatch)
	}
}

// malformed makes f an object that is answered with an error.
func malformed(f *objectrpc.Frame, id []byte, number int, reason string) {
	f.Type, f.ID, f.Number, f.Err = objectrpc.Malformed, id, number, &status.Error{Code: status.InvalidArgument, Message: reason}
}

func decodeObject(f *objectrpc.Frame, b []byte, lim codec.Limits) {
	if b[0] != '{' {
		malformed(f, nil, invalidRequest, "Invalid Request: it is not an object")
		return
	}
	e := open(b)
	f.ID = e.id
	reason := ""
	switch {
	case len(f.ID) > 0 && (f.ID[0] == '{' || f.ID[0] == '[' || f.ID[0] == 't' || f.ID[0] == 'f'):
		f.ID, reason = nil, `"id" is neither a string nor a number nor null`
	case e.twice:
		reason = "a member stands there twice"
	case e.method == nil && (e.result != nil || e.err != nil):
		decodeResponse(f, &e, b, lim)
		return
	case text(e.version) != "2.0":
		reason = `"jsonrpc" is not "2.0"`
	case len(e.method) == 0 || e.method[0] != '"':
		reason = `"method" is not a string`
	}
	if reason != "" {
		malformed(f, f.ID, invalidRequest, "Invalid Request: "+reason)
		return
	}
	f.Method = text(e.method)
	if e.id == nil && decodeNotification(f, e.params, lim) {
		return
	}
	decodeRequest(f, &e, b, lim)
}

func decodeRequest(f *objectrpc.Frame, e *envelope, b []byte, lim codec.Limits) {
	f.Type, f.Method = objectrpc.Request, canonical(f.Method)
	f.Extended = e.meta != nil
	var err *status.Error
	f.Kind, err = parseKind(e.stream)
	if err == nil {
		f.Body, err = parseParams(e.params, f.Kind)
	}
	if err == nil {
		f.Header, err = parseMeta(e.meta)
	}
	if err == nil {
		f.Timeout, err = parseTimeout(e.timeout)
	}
	if err == nil {
		f.Credit, err = parseCount("window", e.window)
	}
	if err == nil {
		err = tooLarge(len(f.Body), len(b)-len(f.Body), lim)
	}
	switch {
	case err != nil && f.ID == nil:
		f.Type = objectrpc.Nothing // nobody is answered
	case err != nil:
		f.Type, f.Err = objectrpc.Malformed, err
	}
}

// canonical returns the name of a method with a slash before its last part.
func canonical(method string) string {
	if i := strings.LastIndexByte(method, '.'); i > 0 && strings.IndexByte(method, '/') < 0 {
		return method[:i] + "/" + method[i+1:]
	}
	return method
}

func parseKind(b []byte) (codec.Kind, *status.Error) {
	switch string(b) {
	case "":
		return codec.Unary, nil
	case `"client"`:
		return codec.ClientStream, nil
	case `"server"`:
		return codec.ServerStream, nil
	case `"bidi"`:
		return codec.BidiStream, nil
	}
	return 0, status.Errorf(status.InvalidArgument, `"stream" is %.32q, not "client", "server" or "bidi"`, b)
}

// parseParams returns the message that params hold: the object itself, or the only element of an array. A call that takes
// one message and has none gets an empty one.
func parseParams(params []byte, kind codec.Kind) ([]byte, *status.Error) {
	n := 0
	body := params
	if len(params) > 0 && params[0] == '[' {
		body = nil
		elements(params, func(value []byte) bool {
			body = value
			n++
			return n < 2
		})
	}
	switch {
	case n > 1:
		return nil, status.Errorf(status.InvalidArgument, `"params" has more than one element`)
	case n == 0 && len(body) > 0 && body[0] != '{':
		return nil, status.Errorf(status.InvalidArgument, `"params" is neither an object nor an array`)
	case body == nil && (kind == codec.Unary || kind == codec.ServerStream):
		return []byte("{}"), nil
	}
	return body, nil
}

func parseTimeout(b []byte) (time.Duration, *status.Error) {
	if b == nil {
		return 0, nil
	}
	ms, err := parseCount("timeout", b)
	return max(time.Duration(ms)*time.Millisecond, 1), err // 0 ms have passed when they arrive
}

// parseCount returns the number that a member is, and 0 if there is none.
func parseCount(name string, b []byte) (int, *status.Error) {
	if b == nil {
		return 0, nil
	}
	n, err := strconv.ParseUint(string(b), 10, 63)
	if err != nil || n > 1<<40 {
		return 0, status.Errorf(status.InvalidArgument, "%q is %.32q, not a number from 0 to %d", name, b, 1<<40)
	}
	return int(n), nil
}

func decodeResponse(f *objectrpc.Frame, e *envelope, b []byte, lim codec.Limits) {
	f.Type, f.Body = objectrpc.Response, e.result
	if err := tooLarge(len(f.Body), len(b)-len(f.Body), lim); err != nil {
		f.Type, f.Err = objectrpc.Malformed, err
		return
	}
	if e.err != nil && string(e.err) != null {
		setError(f, e.err)
	}
	var err, trailerErr *status.Error
	f.Header, err = parseMeta(e.meta)
	f.Trailer, trailerErr = parseMeta(e.trailer)
	if err == nil {
		err = trailerErr
	}
	if err != nil && f.Err == nil {
		f.Err = &status.Error{Code: status.Internal, Message: err.Message}
	}
}
