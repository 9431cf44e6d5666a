package jsonrpc

import (
	"bytes"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/objectrpc"
	"github.com/protomicro/micro/status"
)

func tooLarge(message, rest int, lim codec.Limits) *status.Error {
	switch {
	case message > lim.MessageBytes:
		return status.Errorf(status.ResourceExhausted, "a message of more than %d bytes", lim.MessageBytes)
	case rest > lim.HeaderBytes:
		return status.Errorf(status.ResourceExhausted, "%d bytes besides the message, of which %d are accepted", rest, lim.HeaderBytes)
	}
	return nil
}

// decodeNotification reads what is no call, and tells whether f is that.
func decodeNotification(f *objectrpc.Frame, params []byte, lim codec.Limits) bool {
	switch f.Method {
	case messageMethod:
		f.Type = objectrpc.Message
	case endMethod:
		f.Type = objectrpc.End
	case cancelMethod, lspCancel:
		f.Type = objectrpc.Cancel
	case creditMethod:
		f.Type = objectrpc.Credit
	case goAwayMethod:
		f.Type = objectrpc.GoAway
		return true
	default:
		return false
	}
	var err *status.Error
	members(params, func(key, value []byte, _ bool) {
		switch string(key) {
		case "id":
			f.ID = value
		case "message":
			f.Body = value
		case "bytes":
			f.Credit, _ = parseCount("bytes", value)
		case "meta":
			f.Header, err = parseMeta(value)
		}
	})
	if large := tooLarge(len(f.Body), len(params)-len(f.Body), lim); large != nil {
		err = large
	}
	if f.Type == objectrpc.Message && f.Body == nil {
		err = status.Errorf(status.InvalidArgument, `%s has no "message"`, messageMethod)
	}
	f.Err = err
	return true
}

// decodeCut reads an object that is too large, of which b is the beginning, as far as it goes: whose it is.
func decodeCut(f *objectrpc.Frame, b []byte, lim codec.Limits) {
	e := open(b)
	f.Type = objectrpc.Malformed
	f.Err = status.Errorf(status.ResourceExhausted, "more than %d bytes", lim.MessageBytes)
	if f.ID = e.id; e.cut && e.params == nil && e.result == nil { // it is perhaps the id that is not whole
		f.ID = nil
	}
	if method := text(e.method); method == messageMethod || method == endMethod {
		f.Type, f.ID = objectrpc.Message, open(e.params).id
	}
	if f.ID != nil && valueEnd(append(bytes.Clone(f.ID), ',')) != len(f.ID) {
		f.ID = nil
	}
}
