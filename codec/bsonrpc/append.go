package bsonrpc

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/objectrpc"
)

// appendObject appends f. What tells whose a document is comes first, so that a receiver for which it is too large can say
// so to the right call.
func appendObject(dst []byte, f *objectrpc.Frame) []byte {
	start, dst := bsoncore.AppendDocumentStart(dst)
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
		dst = bsoncore.AppendStringElement(dst, "method", goAwayMethod)
	case objectrpc.Nothing, objectrpc.Malformed, objectrpc.Batch: // are only read
	}
	return end(dst, start)
}

// end ends the document or the array that starts at start.
func end(dst []byte, start int32) []byte {
	dst, _ = bsoncore.AppendDocumentEnd(dst, start) // fails for a document that was not started
	return dst
}

func appendID(dst, id []byte) []byte {
	if id == nil {
		return bsoncore.AppendNullElement(dst, "id")
	}
	return append(bsoncore.AppendHeader(dst, bsoncore.Type(id[0]), "id"), id[1:]...)
}

func appendRequest(dst []byte, f *objectrpc.Frame) []byte {
	dst = bsoncore.AppendStringElement(appendID(dst, f.ID), "method", f.Method)
	if f.Kind != codec.Unary {
		dst = bsoncore.AppendStringElement(dst, "stream", [...]string{"", "client", "server", "bidi"}[f.Kind&3])
	}
	dst = appendMeta(dst, "meta", f.Header)
	if f.Timeout > 0 {
		ms := max(int64((f.Timeout+time.Millisecond/2)/time.Millisecond), 1)
		dst = bsoncore.AppendInt64Element(dst, "timeout", min(ms, 1<<40))
	}
	if f.Credit > 0 {
		dst = bsoncore.AppendInt64Element(dst, "window", int64(f.Credit))
	}
	if f.Body != nil {
		dst = bsoncore.AppendDocumentElement(dst, "params", f.Body)
	}
	return dst
}

func appendResponse(dst []byte, f *objectrpc.Frame) []byte {
	dst = appendID(dst, f.ID)
	if len(f.Header) > 0 {
		dst = appendMeta(dst, "meta", f.Header)
	}
	if len(f.Trailer) > 0 {
		dst = appendMeta(dst, "trailer", f.Trailer)
	}
	switch {
	case f.Err != nil:
		return appendError(dst, f)
	case f.Body == nil:
		return bsoncore.AppendNullElement(dst, "result")
	}
	return bsoncore.AppendDocumentElement(dst, "result", f.Body)
}

func appendError(dst []byte, f *objectrpc.Frame) []byte {
	start, dst := bsoncore.AppendDocumentElementStart(dst, "error")
	dst = bsoncore.AppendInt64Element(dst, "code", int64(f.Err.Code))
	dst = bsoncore.AppendStringElement(dst, "message", strings.ToValidUTF8(f.Err.Message, "\uFFFD"))
	if len(f.Err.Details) > 0 {
		var details, one int32
		details, dst = bsoncore.AppendArrayElementStart(dst, "details")
		for i, d := range f.Err.Details {
			one, dst = bsoncore.AppendDocumentElementStart(dst, strconv.Itoa(i))
			dst = bsoncore.AppendStringElement(dst, "type", d.GetTypeUrl())
			dst = end(bsoncore.AppendBinaryElement(dst, "value", 0, d.GetValue()), one)
		}
		dst = end(dst, details)
	}
	if f.Unprocessed {
		dst = bsoncore.AppendBooleanElement(dst, "unprocessed", true)
	}
	return end(dst, start)
}

func appendNotification(dst []byte, method string, f *objectrpc.Frame) []byte {
	dst = bsoncore.AppendStringElement(dst, "method", method)
	start, dst := bsoncore.AppendDocumentElementStart(dst, "params")
	dst = appendID(dst, f.ID)
	if len(f.Header) > 0 {
		dst = appendMeta(dst, "meta", f.Header)
	}
	if f.Type == objectrpc.Credit {
		dst = bsoncore.AppendInt64Element(dst, "bytes", int64(f.Credit))
	}
	if f.Body != nil {
		dst = bsoncore.AppendDocumentElement(dst, "message", f.Body)
	}
	return end(dst, start)
}

// appendMeta appends meta as a document of arrays.
func appendMeta(dst []byte, key string, meta codec.Meta) []byte {
	start, dst := bsoncore.AppendDocumentElementStart(dst, key)
	for i, f := range meta {
		again := slices.ContainsFunc(meta[:i], func(g codec.Field) bool { return strings.EqualFold(g.Key, f.Key) })
		if again || codec.Reserved(f.Key) || strings.IndexByte(f.Key, 0) >= 0 {
			continue // it is not ours to send, or was written with the first of the same key
		}
		var array int32
		array, dst = bsoncore.AppendArrayElementStart(dst, strings.ToLower(f.Key))
		for j, value := range meta.Values(f.Key) {
			if strings.HasSuffix(strings.ToLower(f.Key), "-bin") {
				dst = bsoncore.AppendBinaryElement(dst, strconv.Itoa(j), 0, []byte(value))
			} else {
				dst = bsoncore.AppendStringElement(dst, strconv.Itoa(j), value)
			}
		}
		dst = end(dst, array)
	}
	return end(dst, start)
}
