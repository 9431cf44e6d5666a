package bsonrpc

import (
	"bytes"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/objectrpc"
	"github.com/protomicro/micro/status"
)

func decodeResponse(f *objectrpc.Frame, e *envelope, size int, lim codec.Limits) {
	f.Type = objectrpc.Response
	var bad *status.Error
	switch {
	case e.err != nil && e.err.Type != bsoncore.TypeNull:
		setError(f, e.err)
	case e.result == nil || e.result.Type == bsoncore.TypeNull:
	case e.result.Type != bsoncore.TypeEmbeddedDocument:
		bad = status.Errorf(status.Internal, `the response has a "result" that is not a document`)
	default:
		f.Body = e.result.Data
	}
	if err := tooLarge(len(f.Body), size-len(f.Body), lim); err != nil {
		f.Type, f.Err = objectrpc.Malformed, err
		return
	}
	var err *status.Error
	if f.Header, err = parseMeta(e.meta); err != nil {
		bad = err
	}
	if f.Trailer, err = parseMeta(e.trailer); err != nil {
		bad = err
	}
	if bad != nil && f.Err == nil {
		f.Err = &status.Error{Code: status.Internal, Message: bad.Message}
	}
}

func setError(f *objectrpc.Frame, v *bsoncore.Value) {
	f.Err = &status.Error{Code: status.Unknown}
	if v.Type == bsoncore.TypeString {
		f.Err.Message = text(v)
	}
	if v.Type != bsoncore.TypeEmbeddedDocument {
		return
	}
	members(v.Data, func(key string, v bsoncore.Value, _ bool) {
		switch key {
		case "code":
			if n, ok := v.AsInt64OK(); ok && n > 0 && n < 1<<32 {
				f.Err.Code = status.Code(n)
			}
		case "message":
			f.Err.Message = text(&v)
		case "unprocessed":
			f.Unprocessed, _ = v.BooleanOK()
		case "details":
			for _, d := range list(&v) {
				f.Err.Details = append(f.Err.Details, detail(&d))
			}
		}
	})
}

func detail(v *bsoncore.Value) *anypb.Any {
	d := &anypb.Any{}
	members(v.Data, func(key string, v bsoncore.Value, _ bool) {
		switch key {
		case "type":
			d.TypeUrl = text(&v)
		case "value":
			_, value, _ := v.BinaryOK()
			d.Value = bytes.Clone(value)
		}
	})
	return d
}
