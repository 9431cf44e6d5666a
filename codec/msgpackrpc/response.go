package msgpackrpc

import (
	"bytes"
	"math"

	"github.com/tinylib/msgp/msgp"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/objectrpc"
	"github.com/protomicro/micro/status"
)

// decodeResponse reads the error, the result and what follows them.
func decodeResponse(f *objectrpc.Frame, parts [][]byte, size int, lim codec.Limits) {
	f.Type, f.Body = objectrpc.Response, parts[1]
	if err := tooLarge(len(f.Body), size-len(f.Body), lim); err != nil {
		f.Type, f.Err = objectrpc.Malformed, err
		return
	}
	if parts[0][0] != null {
		setError(f, parts[0])
	}
	if len(parts) < 3 {
		return
	}
	x, err := parseExtension(parts[2])
	f.Header, f.Trailer = x.meta, x.trailer
	if err != nil && f.Err == nil {
		f.Err = &status.Error{Code: status.Internal, Message: err.Message}
	}
}

// setError reads an error: a map of ours, or whatever another server has there.
func setError(f *objectrpc.Frame, b []byte) {
	f.Err = &status.Error{Code: status.Unknown}
	if s, ok := text(b); ok {
		f.Err.Message = s
		return
	}
	if msgp.NextType(b) != msgp.MapType {
		f.Err.Message = "the server answers with an error of type " + msgp.NextType(b).String()
		return
	}
	members(b, func(key string, value []byte) {
		switch key {
		case "code":
			if n, ok := number(value, math.MaxUint32); ok && n > 0 {
				f.Err.Code = status.Code(n) //nolint:gosec // it is in range
			}
		case "message":
			f.Err.Message, _ = text(value)
		case "unprocessed":
			f.Unprocessed, _, _ = msgp.ReadBoolBytes(value)
		case "details":
			details, _ := list(value)
			for _, d := range details {
				f.Err.Details = append(f.Err.Details, detail(d))
			}
		}
	})
}

func detail(b []byte) *anypb.Any {
	d := &anypb.Any{}
	members(b, func(key string, value []byte) {
		switch key {
		case "type":
			d.TypeUrl, _ = text(value)
		case "value":
			v, _, _ := msgp.ReadBytesZC(value)
			d.Value = bytes.Clone(v)
		}
	})
	return d
}
