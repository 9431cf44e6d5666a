package jsonrpc

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/anypb"

	"github.com/protomicro/micro/codec/internal/objectrpc"
	"github.com/protomicro/micro/status"
)

// The numbers of errors. A code that has none of its own is numberBase less the code.
const (
	parseError     = -32700
	invalidRequest = objectrpc.InvalidRequest
	methodNotFound = -32601
	invalidParams  = -32602
	internalError  = -32603
	numberBase     = -32000
	canceledByLSP  = -32800
)

func numberOf(code status.Code) int {
	switch code { //nolint:exhaustive // the others have numbers by rule
	case status.Unimplemented:
		return methodNotFound
	case status.InvalidArgument:
		return invalidParams
	case status.Internal:
		return internalError
	}
	return numberBase - int(min(code, status.Unauthenticated+1))
}

// codeOf returns the code of an error that has only a number.
func codeOf(number int) status.Code {
	switch number {
	case methodNotFound:
		return status.Unimplemented
	case invalidParams:
		return status.InvalidArgument
	case internalError, parseError, invalidRequest:
		return status.Internal
	case canceledByLSP:
		return status.Canceled
	}
	if code := numberBase - number; code > 0 && code <= int(status.Unauthenticated) {
		return status.Code(code)
	}
	return status.Unknown
}

// A wireError is the member "error" of a response.
type wireError struct {
	Number  json.Number     `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"`
}

// A wireData is the member "data" of an error. Other peers may have anything there.
type wireData struct {
	Code        string       `json:"code"`
	Details     []wireDetail `json:"details,omitempty"`
	Unprocessed bool         `json:"unprocessed,omitempty"`
}

type wireDetail struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// appendError appends the error of f.
func appendError(dst []byte, f *objectrpc.Frame) []byte {
	number := f.Number
	if number == 0 {
		number = numberOf(f.Err.Code)
	}
	dst = strconv.AppendInt(append(dst, `{"code":`...), int64(number), 10)
	dst = appendText(append(dst, `,"message":`...), f.Err.Message)
	data := wireData{Code: f.Err.Code.String(), Unprocessed: f.Unprocessed}
	for _, d := range f.Err.Details {
		data.Details = append(data.Details, wireDetail{d.GetTypeUrl(), base64.StdEncoding.EncodeToString(d.GetValue())})
	}
	b, _ := json.Marshal(data) //nolint:errchkjson // strings and a bool never fail
	return append(append(append(dst, `,"data":`...), b...), '}')
}

// setError sets the outcome of f to the error that b is.
func setError(f *objectrpc.Frame, b []byte) {
	var wire wireError
	if json.Unmarshal(b, &wire) != nil {
		f.Err = status.Errorf(status.Internal, "the response has an error that is not valid: %.256q", b)
		return
	}
	number, _ := strconv.Atoi(wire.Number.String())
	f.Err = &status.Error{Code: codeOf(number), Message: wire.Message}
	var data wireData
	if json.Unmarshal(wire.Data, &data) != nil {
		return
	}
	if code, ok := status.ParseCode(data.Code); ok && code != status.OK {
		f.Err.Code = code
	} else if n, ok := strings.CutPrefix(data.Code, "code_"); ok {
		if n, err := strconv.ParseUint(n, 10, 32); err == nil && n != 0 {
			f.Err.Code = status.Code(n)
		}
	}
	f.Unprocessed = data.Unprocessed
	for _, d := range data.Details {
		if value, err := base64.StdEncoding.DecodeString(d.Value); err == nil && d.Type != "" {
			f.Err.Details = append(f.Err.Details, &anypb.Any{TypeUrl: d.Type, Value: value})
		}
	}
}
