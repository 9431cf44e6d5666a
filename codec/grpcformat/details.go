package grpcformat

import (
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/protomicro/micro/status"
)

// The fields of google.rpc.Status, which "grpc-status-details-bin" holds.
const (
	statusCode    protowire.Number = 1
	statusMessage protowire.Number = 2
	statusDetails protowire.Number = 3
)

// marshalStatus returns err as a google.rpc.Status. A detail that cannot be encoded is left out.
func marshalStatus(err *status.Error) []byte {
	b := protowire.AppendTag(nil, statusCode, protowire.VarintType)
	b = protowire.AppendVarint(b, uint64(err.Code))
	if err.Message != "" {
		b = protowire.AppendTag(b, statusMessage, protowire.BytesType)
		b = protowire.AppendString(b, strings.ToValidUTF8(err.Message, "\uFFFD"))
	}
	for _, detail := range err.Details {
		value, e := proto.Marshal(detail)
		if e == nil {
			b = protowire.AppendTag(b, statusDetails, protowire.BytesType)
			b = protowire.AppendBytes(b, value)
		}
	}
	return b
}

// unmarshalStatus returns the error that b, a google.rpc.Status, holds, if it is valid.
func unmarshalStatus(b []byte) (err *status.Error, ok bool) {
	err = &status.Error{}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, false
		}
		b = b[n:]
		switch {
		case number == statusCode && kind == protowire.VarintType:
			var code uint64
			code, n = protowire.ConsumeVarint(b)
			err.Code = status.Code(uint32(code)) //nolint:gosec // as protobuf cuts an int32
		case number == statusMessage && kind == protowire.BytesType:
			err.Message, n = protowire.ConsumeString(b)
			err.Message = strings.ToValidUTF8(err.Message, "\uFFFD")
		case number == statusDetails && kind == protowire.BytesType:
			var value []byte
			value, n = protowire.ConsumeBytes(b)
			detail := &anypb.Any{}
			if invalid := proto.Unmarshal(value, detail); invalid != nil {
				n = -1
			}
			err.Details = append(err.Details, detail)
		default:
			n = protowire.ConsumeFieldValue(number, kind, b)
		}
		if n < 0 {
			return nil, false
		}
		b = b[n:]
	}
	return err, true
}
