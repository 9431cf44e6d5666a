package connectformat

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/httprpc"
	"github.com/protomicro/micro/status"
)

// httpStatuses are the HTTP statuses of the codes.
var httpStatuses = [...]int{
	status.OK: httpOK, status.Canceled: 499, status.Unknown: 500, status.InvalidArgument: 400, status.DeadlineExceeded: 504,
	status.NotFound: httpNotFound, status.AlreadyExists: 409, status.PermissionDenied: 403, status.ResourceExhausted: 429,
	status.FailedPrecondition: 400, status.Aborted: 409, status.OutOfRange: 400, status.Unimplemented: 501,
	status.Internal: 500, status.Unavailable: 503, status.DataLoss: 500, status.Unauthenticated: 401,
}

func httpStatus(code status.Code) int {
	if int(code) < len(httpStatuses) {
		return httpStatuses[code]
	}
	return 500
}

// codeOf returns the code for a response that has none, but an HTTP status.
func codeOf(httpStatus int) status.Code {
	switch httpStatus {
	case 400:
		return status.Internal
	case 401:
		return status.Unauthenticated
	case 403:
		return status.PermissionDenied
	case httpNotFound:
		return status.Unimplemented
	case 429, 502, 503, 504:
		return status.Unavailable
	}
	return status.Unknown
}

const flagEnd = 1 << 1 // of the envelope that ends a response

const typePrefix = "type.googleapis.com/" // of the types in an Any; not on the wire

// A wireError is an error as it is written in JSON.
type wireError struct {
	Code    string       `json:"code"`
	Message string       `json:"message,omitempty"`
	Details []wireDetail `json:"details,omitempty"`
}

type wireDetail struct {
	Type  string          `json:"type"`
	Value string          `json:"value"`
	Debug json.RawMessage `json:"debug,omitempty"` // for people only
}

// A wireEnd is the end of a streamed response.
type wireEnd struct {
	Error    json.RawMessage     `json:"error,omitempty"`
	Metadata map[string][]string `json:"metadata,omitempty"`
}

// appendError appends err in JSON.
func appendError(dst []byte, err *status.Error) []byte {
	wire := wireError{Code: err.Code.String(), Message: err.Message}
	if err.Code == status.OK || int(err.Code) >= len(httpStatuses) {
		wire.Code = status.Unknown.String() // the protocol has no other codes
	}
	for _, detail := range err.Details {
		d := wireDetail{
			Type:  detail.GetTypeUrl()[strings.LastIndexByte(detail.GetTypeUrl(), '/')+1:],
			Value: base64.RawStdEncoding.EncodeToString(detail.GetValue()),
		}
		if msg, err := detail.UnmarshalNew(); err == nil {
			d.Debug, _ = protojson.Marshal(msg)
		}
		wire.Details = append(wire.Details, d)
	}
	b, _ := json.Marshal(wire) //nolint:errchkjson // cannot fail: debug is valid JSON or absent
	return append(dst, b...)
}

// parseError returns the error that b holds in JSON, if it is valid. Its code is other if the one in b is no code.
func parseError(b []byte, other status.Code) (err *status.Error, ok bool) {
	var wire *wireError
	valid := json.Unmarshal(b, &wire) == nil
	if !valid || wire == nil {
		return nil, false
	}
	code, ok := status.ParseCode(wire.Code)
	if !ok || code == status.OK {
		code = other
	}
	err = &status.Error{Code: code, Message: wire.Message}
	for _, d := range wire.Details {
		value, e := httprpc.DecodeBase64(d.Value)
		if e == nil && d.Type != "" { // one that is not valid does not spoil the rest
			err.Details = append(err.Details, &anypb.Any{TypeUrl: typePrefix + d.Type, Value: value})
		}
	}
	return err, true
}

// appendEnd appends the envelope that ends a streamed response.
func appendEnd(dst []byte, err *status.Error, trailer codec.Meta) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0, 0)
	if err == nil && len(trailer) == 0 {
		dst = append(dst, "{}"...)
	} else {
		var wire wireEnd
		if err != nil {
			wire.Error = appendError(nil, err)
		}
		for _, f := range trailer {
			if codec.Reserved(f.Key) {
				continue
			}
			if wire.Metadata == nil {
				wire.Metadata = map[string][]string{}
			}
			wire.Metadata[f.Key] = append(wire.Metadata[f.Key], httprpc.EncodeValue(f))
		}
		b, _ := json.Marshal(wire) //nolint:errchkjson // cannot fail: the error is valid JSON or absent
		dst = append(dst, b...)
	}
	dst, _ = httprpc.Seal(dst, start, flagEnd) // an end larger than 4 GiB has been refused as metadata long before
	return dst
}

// parseEnd returns the outcome and the trailers that the end of a streamed response holds.
func parseEnd(b []byte) (trailer codec.Meta, outcome error) {
	var wire *wireEnd
	if err := json.Unmarshal(b, &wire); err != nil || wire == nil {
		return nil, status.Errorf(status.Internal, "the end of the response is not valid: %.256q", b)
	}
	if wire.Error != nil && string(wire.Error) != "null" {
		err, ok := parseError(wire.Error, status.Unknown)
		if !ok {
			err = status.Errorf(status.Internal, "the end of the response holds an error that is not valid: %.256q", wire.Error)
		}
		outcome = err
	}
	for key, values := range wire.Metadata {
		all, err := httprpc.AppendValues(trailer, strings.ToLower(key), values)
		if err == nil {
			trailer = all
		} else if outcome == nil {
			outcome = status.Errorf(status.Internal, "%s", status.From(err).Message)
		}
	}
	return trailer, outcome
}
