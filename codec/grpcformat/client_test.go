package grpcformat_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/grpcformat"
	"github.com/protomicro/micro/codec/jsoncodec"
	"github.com/protomicro/micro/codec/protocodec"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// A canned response is a transport.RoundTripper that always gives it.
type canned struct {
	status          int
	header, trailer transport.Header
	body            string
	wrap            func(io.Reader) io.Reader // around the body; may be nil
	req             *transport.Request        // the last one, with its body
	sent            []byte
}

func (c *canned) Open(_ context.Context, req *transport.Request, body []byte) (transport.Trip, error) {
	c.req, c.sent = req, body
	trip := &cannedTrip{c, strings.NewReader(c.body)}
	if c.wrap != nil {
		trip.Reader = c.wrap(trip.Reader)
	}
	return trip, nil
}

func (*canned) Close() error { return nil }

type cannedTrip struct {
	*canned
	io.Reader
}

func (t *cannedTrip) Write(p []byte) (int, error) {
	t.sent = append(t.sent, p...)
	return len(p), nil
}
func (*cannedTrip) CloseWrite() error                          { return nil }
func (t *cannedTrip) Response() (int, transport.Header, error) { return t.status, t.header, nil }
func (t *cannedTrip) Trailer() transport.Header                { return t.trailer }

// call makes a call and receives up to ten messages. It returns the error that ended it.
func call(t testing.TB, format codec.HTTPFormat, rt transport.RoundTripper, head codec.Call) (texts []string, trailer codec.Meta, err error) {
	t.Helper()
	conn := format.Dial(rt, config(100))
	defer func() { _ = conn.Close() }()
	head.Method = "a.B/C"
	if head.Codec == nil {
		head.Codec = jsoncodec.Codec{}
	}
	s, err := conn.Open(context.Background(), &head)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = s.Close() }()
	if err := s.Finish(wrapperspb.String("x"), nil); err != nil && err != io.EOF {
		return nil, nil, err
	}
	for range 10 {
		msg := &wrapperspb.StringValue{}
		if err := s.Recv(msg); err != nil {
			return texts, s.Trailer(), err
		}
		texts = append(texts, msg.GetValue())
	}
	return texts, nil, errors.New("the response does not end")
}

func TestFormats_DialSendsTheHead(t *testing.T) {
	for _, row := range []struct {
		format codec.HTTPFormat
		codec  codec.Codec
		want   map[string]string
		body   string
	}{
		{
			grpcformat.Format{},
			jsoncodec.Codec{},
			map[string]string{"Content-Type": grpcJSON, "Te": "trailers", "Accept": ""},
			envelope(0, `"x"`),
		},
		{
			grpcformat.Format{},
			protocodec.Codec{},
			map[string]string{"Content-Type": "application/grpc", "Te": "trailers", "Accept": ""},
			envelope(0, "\x0a\x01x"),
		},
		{
			grpcformat.Web{},
			jsoncodec.Codec{},
			map[string]string{"Content-Type": webJSON, "Te": "", "Accept": webJSON},
			envelope(0, `"x"`),
		},
		{
			grpcformat.Web{Text: true},
			protocodec.Codec{},
			map[string]string{"Content-Type": "application/grpc-web-text+proto", "Te": "", "Accept": "application/grpc-web-text+proto"},
			text(envelope(0, "\x0a\x01x")),
		},
	} {
		for _, kind := range []codec.Kind{codec.Unary, codec.ServerStream, codec.ClientStream, codec.BidiStream} {
			rt := &canned{status: 200}
			_, _, _ = call(t, row.format, rt, codec.Call{Kind: kind, Codec: row.codec, Header: codec.Meta{{Key: "x-bin", Value: "\x00"}, {Key: "grpc-timeout", Value: "1S"}}})
			row.want["Grpc-Accept-Encoding"] = "gzip,zstd,snappy"
			row.want["Grpc-Timeout"] = ""
			row.want["X-Bin"] = "AA"
			row.want["User-Agent"] = "grpc-go-micro/1"
			for key, want := range row.want {
				if got := rt.req.Header.Get(key); got != want {
					t.Errorf("%s, %v: %s: got %q, want %q", row.format.Name(), kind, key, got, want)
				}
			}
			length := int64(len(row.body))
			if kind == codec.ClientStream || kind == codec.BidiStream {
				length = -1
			}
			if rt.req.Method != "POST" || rt.req.Path != "/a.B/C" || rt.req.Length != length || string(rt.sent) != row.body {
				t.Errorf("%s, %v: got the request %+v with %q, want a POST to /a.B/C with %q", row.format.Name(), kind, rt.req, rt.sent, row.body)
			}
		}
	}
}

func TestFormats_DialSendsTheTimeout(t *testing.T) {
	for timeout, want := range map[time.Duration]string{
		0: "", 1: "1n", 99_999_999: "99999999n", 100_000_000: "100000u", 100_000_001: "100000u", 1500 * time.Millisecond: "1500000u",
		time.Hour: "3600000m", 100 * 24 * time.Hour: "8640000S", 10 * 365 * 24 * time.Hour: "5256000M", math.MaxInt64: "2562047H",
	} {
		rt := &canned{status: 200}
		_, _, _ = call(t, grpcformat.Format{}, rt, codec.Call{Timeout: timeout})
		if got := rt.req.Header.Get("Grpc-Timeout"); got != want {
			t.Errorf("timeout %v: got %q, want %q", timeout, got, want)
		}
	}
}

// details returns a google.rpc.Status in base64.
func details(code int32, message string, more ...proto.Message) string {
	b := []byte{0x08, byte(code), 0x12, byte(len(message))}
	b = append(b, message...)
	for _, msg := range more {
		detail, err := anypb.New(msg)
		if err != nil {
			return err.Error()
		}
		value, err := proto.Marshal(detail)
		if err != nil {
			return err.Error()
		}
		b = append(append(b, 0x1a, byte(len(value))), value...)
	}
	return base64.RawStdEncoding.EncodeToString(b)
}

func head(pairs ...string) transport.Header {
	h := transport.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestFormat_DialReadsResponses(t *testing.T) {
	one := envelope(0, `"x"`)
	typed := func(pairs ...string) transport.Header {
		return head(append([]string{"Content-Type", grpcJSON}, pairs...)...)
	}
	fine := head("Grpc-Status", "0")
	for name, row := range map[string]struct {
		status  int
		header  transport.Header
		body    string
		trailer transport.Header
		code    status.Code // OK for io.EOF
		message string      // contained
		n       int         // of messages
	}{
		"one":                 {200, typed(), one, fine, status.OK, "", 1},
		"two":                 {200, typed(), one + one, fine, status.OK, "", 2},
		"none":                {200, typed(), "", fine, status.OK, "", 0},
		"trailers alone":      {200, typed("Grpc-Status", "5", "Grpc-Message", "m"), "", nil, status.NotFound, "m", 0},
		"success alone":       {200, typed("Grpc-Status", "0"), "", nil, status.OK, "", 0},
		"head and trailers":   {200, typed("Grpc-Status", "8"), "", head("X", "y", "Grpc-Status", "9"), status.FailedPrecondition, "", 0},
		"head and body":       {200, typed("Grpc-Status", "9"), one, nil, status.Internal, "without sending trailers", 1},
		"no trailers":         {200, typed(), one, nil, status.Internal, "without sending trailers", 1},
		"nothing":             {200, typed(), "", nil, status.Internal, "without sending trailers", 0},
		"no status":           {200, typed(), "", head("Grpc-Message", "m"), status.Unknown, "no grpc-status: m", 0},
		"status garbage":      {200, typed(), "", head("Grpc-Status", "x"), status.Unknown, "not a number", 0},
		"status negative":     {200, typed(), "", head("Grpc-Status", "-1"), status.Unknown, "not a number", 0},
		"two statuses":        {200, typed(), "", head("Grpc-Status", "0", "Grpc-Status", "5"), status.Unknown, `"0,5"`, 0},
		"status too large":    {200, typed(), "", head("Grpc-Status", "17", "Grpc-Message", "m"), status.Unknown, "m", 0},
		"error after message": {200, typed(), one, head("Grpc-Status", "10"), status.Aborted, "", 1},
		"message":             {200, typed(), "", head("Grpc-Status", "10", "Grpc-Message", "50%25%c3%a9%"), status.Aborted, "50%é%", 0},
		"message garbage":     {200, typed(), "", head("Grpc-Status", "10", "Grpc-Message", "%zz%F%ff\xfe"), status.Aborted, "%zz%F\uFFFD", 0},
		"details":             {200, typed(), "", head("Grpc-Status", "10", "Grpc-Message", "m", "Grpc-Status-Details-Bin", details(10, "full")), status.Aborted, "full", 0},
		"details, no text":    {200, typed(), "", head("Grpc-Status", "10", "Grpc-Message", "m", "Grpc-Status-Details-Bin", details(10, "")), status.Aborted, "m", 0},
		"details disagree":    {200, typed(), "", head("Grpc-Status", "10", "Grpc-Message", "m", "Grpc-Status-Details-Bin", details(5, "full")), status.Internal, "the code 5: m", 0},
		"details garbage":     {200, typed(), "", head("Grpc-Status", "10", "Grpc-Message", "m", "Grpc-Status-Details-Bin", "!"), status.Aborted, "m", 0},
		"details cut":         {200, typed(), "", head("Grpc-Status", "10", "Grpc-Message", "m", "Grpc-Status-Details-Bin", "GgU"), status.Aborted, "m", 0},
		"details twice":       {200, typed(), "", head("Grpc-Status", "10", "Grpc-Status-Details-Bin", details(5, ""), "Grpc-Status-Details-Bin", "x"), status.Aborted, "", 0},
		"bad metadata":        {200, typed("X-Bin", "!"), one, fine, status.Internal, "x-bin", 0},
		"bad trailers":        {200, typed(), one, head("Grpc-Status", "0", "X-Bin", "!"), status.Internal, "x-bin", 1},
		"bad, with an error":  {200, typed(), one, head("Grpc-Status", "10", "X-Bin", "!"), status.Aborted, "", 1},
		"garbage":             {200, typed(), envelope(0, "{"), fine, status.Internal, "not valid", 0},
		"too large":           {200, typed(), "\x00\xff\xff\xff\xff", fine, status.ResourceExhausted, "", 0},
		"cut prefix":          {200, typed(), one + "\x00", fine, status.Internal, "in the middle", 1},
		"cut message":         {200, typed(), one + "\x00\x00\x00\x00\x09x", fine, status.Internal, "in the middle", 1},
		"unknown flag":        {200, typed(), envelope(2, "{}"), fine, status.Internal, "flags", 0},
		"trailer flag":        {200, typed(), envelope(0x80, "grpc-status: 0\r\n"), fine, status.Internal, "flags", 0},
		"compressed":          {200, typed(), envelope(1, `"x"`), fine, status.Internal, "compressed", 0},
		"gzip":                {200, typed("Grpc-Encoding", "gzip"), envelope(1, zipped(t, `"x"`)) + one, fine, status.OK, "", 2},
		"gzip, damaged":       {200, typed("Grpc-Encoding", "gzip"), envelope(1, "x"), fine, status.Internal, "", 0},
		"gzip, bomb":          {200, typed("Grpc-Encoding", "gzip"), envelope(1, zipped(t, strings.Repeat("x", 4<<10))), fine, status.ResourceExhausted, "", 0},
		"unknown encoding":    {200, typed("Grpc-Encoding", "foo"), envelope(1, `"x"`), fine, status.Internal, "gzip,zstd,snappy", 0},
		"identity":            {200, typed("Grpc-Encoding", "identity"), one, fine, status.OK, "", 1},
		"page":                {200, head("Content-Type", "text/html"), "<html>", nil, status.Unknown, "text/html", 0},
		"no type":             {200, nil, "", nil, status.Unknown, "content type", 0},
		"other codec":         {200, head("Content-Type", "application/grpc+proto"), one, fine, status.Internal, "content type", 0},
		"other default":       {200, head("Content-Type", "application/grpc"), one, fine, status.Internal, "content type", 0},
		"web":                 {200, head("Content-Type", webJSON), one, fine, status.Internal, "content type", 0},
		"400":                 {400, nil, "", nil, status.Internal, "400", 0},
		"401":                 {401, nil, "", nil, status.Unauthenticated, "", 0},
		"403":                 {403, nil, "", nil, status.PermissionDenied, "", 0},
		"404":                 {404, nil, "", nil, status.Unimplemented, "", 0},
		"409":                 {409, nil, "", nil, status.Unknown, "", 0},
		"415":                 {415, nil, "", nil, status.Unknown, "", 0},
		"429":                 {429, nil, "", nil, status.Unavailable, "", 0},
		"431":                 {431, nil, "", nil, status.Unknown, "", 0},
		"500":                 {500, nil, "", nil, status.Unknown, "", 0},
		"502":                 {502, nil, "", nil, status.Unavailable, "", 0},
		"503":                 {503, nil, "", nil, status.Unavailable, "", 0},
		"504":                 {504, nil, "", nil, status.Unavailable, "", 0},
		"302":                 {302, nil, "", nil, status.Unknown, "", 0},
		"503 with a status":   {503, head("Grpc-Status", "7", "Grpc-Message", "m"), "", nil, status.PermissionDenied, "m", 0},
		"503 with success":    {503, head("Grpc-Status", "0"), "", nil, status.Unavailable, "", 0},
	} {
		rt := &canned{status: row.status, header: row.header, body: row.body, trailer: row.trailer}
		for _, kind := range []codec.Kind{codec.Unary, codec.BidiStream} {
			texts, _, err := call(t, grpcformat.Format{}, rt, codec.Call{Kind: kind})
			if row.code == status.OK && err != io.EOF || row.code != status.OK && status.CodeOf(err) != row.code || len(texts) != row.n {
				t.Errorf("%s: got %d messages and %v, want %d and %v", name, len(texts), err, row.n, row.code)
			}
			if row.message != "" && !strings.Contains(status.From(err).Message, row.message) {
				t.Errorf("%s: got the message %q, want %q", name, status.From(err).Message, row.message)
			}
		}
	}
}

func TestWeb_DialReadsResponses(t *testing.T) {
	one, end := envelope(0, `"x"`), envelope(0x80, "grpc-status: 0\r\n")
	for name, row := range map[string]struct {
		header  transport.Header
		body    string
		code    status.Code // OK for io.EOF
		message string      // contained
		n       int         // of messages
	}{
		"one":                {nil, one + end, status.OK, "", 1},
		"none":               {nil, end, status.OK, "", 0},
		"error":              {nil, one + envelope(0x80, "grpc-status: 9\r\ngrpc-message: m%25\r\n"), status.FailedPrecondition, "m%", 1},
		"cases":              {nil, envelope(0x80, "gRPC-Status:9\r\nGrpc-message:  m \r\n"), status.FailedPrecondition, "m", 0},
		"line feeds":         {nil, envelope(0x80, "grpc-status: 9\ngrpc-message: m"), status.FailedPrecondition, "m", 0},
		"compressed":         {head("Grpc-Encoding", "gzip"), envelope(0x81, zipped(t, "grpc-status: 9\r\n")), status.FailedPrecondition, "", 0},
		"compressed, no way": {nil, envelope(0x81, zipped(t, "grpc-status: 9\r\n")), status.Internal, "compressed", 0},
		"no status":          {nil, envelope(0x80, "grpc-message: m\r\n"), status.Unknown, "no grpc-status: m", 0},
		"empty":              {nil, envelope(0x80, ""), status.Unknown, "no grpc-status", 0},
		"no key":             {nil, envelope(0x80, "grpc-status 0\r\n"), status.Internal, `"grpc-status 0"`, 0},
		"empty key":          {nil, envelope(0x80, ": 0\r\n"), status.Internal, "not a key", 0},
		"no end":             {nil, one, status.Internal, "without sending trailers", 1},
		"nothing":            {nil, "", status.Internal, "without sending trailers", 0},
		"alone":              {head("Grpc-Status", "9"), "", status.FailedPrecondition, "", 0},
		"alone, success":     {head("Grpc-Status", "0"), "", status.OK, "", 0},
		"alone, no status":   {head("Grpc-Message", "m"), "", status.Internal, "", 0},
		"head and body":      {head("Grpc-Status", "8"), envelope(0x80, "grpc-status: 9\r\n"), status.FailedPrecondition, "", 0},
		"goes on":            {nil, end + "x", status.Internal, "goes on", 0},
		"two ends":           {nil, end + end, status.Internal, "goes on", 0},
		"unknown flag":       {nil, envelope(2, "{}") + end, status.Internal, "flags", 0},
		"cut":                {nil, one + end[:7], status.Internal, "in the middle", 1},
		"long end":           {nil, "\x80\x7f\xff\xff\xff", status.ResourceExhausted, "", 0},
	} {
		for contentType, wrap := range map[string]func(io.Reader) io.Reader{webJSON: nil, textJSON: iotest.OneByteReader} {
			header := head("Content-Type", contentType)
			maps.Copy(header, row.header)
			rt, body := &canned{status: 200, header: header, body: row.body, wrap: wrap}, row.body
			if contentType == textJSON {
				rt.body = text(body[:min(7, len(body))]) + text(body[min(7, len(body)):])
			}
			texts, _, err := call(t, grpcformat.Web{Text: contentType == textJSON}, rt, codec.Call{Kind: codec.ServerStream})
			if row.code == status.OK && err != io.EOF || row.code != status.OK && status.CodeOf(err) != row.code || len(texts) != row.n {
				t.Errorf("%s, %s: got %d messages and %v, want %d and %v", name, contentType, len(texts), err, row.n, row.code)
			}
			if row.message != "" && !strings.Contains(status.From(err).Message, row.message) {
				t.Errorf("%s, %s: got the message %q, want %q", name, contentType, status.From(err).Message, row.message)
			}
		}
	}
	rt := &canned{status: 200, header: head("Content-Type", textJSON), body: "AAA"}
	if _, _, err := call(t, grpcformat.Web{Text: true}, rt, codec.Call{}); status.CodeOf(err) != status.Internal || !strings.Contains(err.Error(), "base64") {
		t.Errorf("a cut group: got %v, want Internal", err)
	}
}

func TestFormats_DialHandsOutNothingAfterTheEnd(t *testing.T) {
	for contentType, format := range map[string]codec.HTTPFormat{grpcJSON: grpcformat.Format{}, webJSON: grpcformat.Web{}} {
		rt := &canned{status: 200, header: head("Content-Type", contentType), body: envelope(0, `"x"`) + envelope(0, `"x"`)}
		conn := format.Dial(rt, config(100))
		ctx, cancel := context.WithCancel(t.Context())
		s, err := conn.Open(ctx, &codec.Call{Method: "a.B/C", Kind: codec.BidiStream, Codec: jsoncodec.Codec{}})
		if err != nil {
			t.Fatal(err)
		}
		msg := &wrapperspb.StringValue{}
		if err := s.Recv(msg); err != nil || msg.GetValue() != "x" {
			t.Errorf("%s: got %q, %v", format.Name(), msg.GetValue(), err)
		}
		cancel()
		for range 2 {
			if err := s.Recv(msg); status.CodeOf(err) != status.Canceled {
				t.Errorf("%s: Recv of a message that has arrived before the end of the context: got %v, want Canceled", format.Name(), err)
			}
		}
		_ = conn.Close()
	}
}

func TestFormat_DialTellsHeaderFromTrailers(t *testing.T) {
	for name, row := range map[string]struct {
		rt     *canned
		header string
	}{
		"alone": {&canned{status: 200, header: head("Content-Type", grpcJSON, "Grpc-Status", "5", "X-Own", "1")}, ""},
		"both": {&canned{
			status: 200, header: head("Content-Type", grpcJSON, "X-Own", "2"), trailer: head("Grpc-Status", "5", "X-Own", "1"),
		}, "2"},
	} {
		conn := grpcformat.Format{}.Dial(row.rt, config(100))
		s, err := conn.Open(t.Context(), &codec.Call{Method: "a.B/C", Codec: jsoncodec.Codec{}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Finish(wrapperspb.String("x"), nil); err != nil {
			t.Fatal(err)
		}
		if header, err := s.Header(); err != nil || header.Get("x-own") != row.header {
			t.Errorf("%s: got the header %q, %v, want %q", name, header, err, row.header)
		}
		if err := s.Recv(nil); status.CodeOf(err) != status.NotFound || s.Trailer().Get("x-own") != "1" {
			t.Errorf("%s: got %v with the trailers %q", name, err, s.Trailer())
		}
		_ = conn.Close()
	}
}

func TestFormats_DialReturnsMetadataAndDetails(t *testing.T) {
	const both = "X-Own"
	want := []*anypb.Any{}
	for _, msg := range []proto.Message{durationpb.New(7), wrapperspb.String("s")} {
		detail, err := anypb.New(msg)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, detail)
	}
	full := details(5, "m", durationpb.New(7), wrapperspb.String("s"))
	for name, row := range map[string]struct {
		format codec.HTTPFormat
		rt     *canned
	}{
		"trailers": {grpcformat.Format{}, &canned{
			header:  head("Content-Type", grpcJSON),
			trailer: head("Grpc-Status", "5", "Grpc-Status-Details-Bin", full, both, "1", both, "2", "Y-Bin", "AA,AQ", "Grpc-Tags", "t"),
		}},
		"alone": {grpcformat.Format{}, &canned{
			header: head("Content-Type", grpcJSON, "Grpc-Status", "5", "Grpc-Status-Details-Bin", full, both, "1", both, "2", "Y-Bin", "AA,AQ"),
		}},
		"web": {grpcformat.Web{}, &canned{
			header: head("Content-Type", webJSON),
			body: envelope(0x80, "grpc-status: 5\r\ngrpc-status-details-bin: "+full+
				"\r\nx-own: 1\r\nx-own: 2\r\ny-bin: AA,AQ\r\ngrpc-tags: t\r\ncontent-type: t\r\n"),
		}},
	} {
		row.rt.status = 200
		_, trailer, err := call(t, row.format, row.rt, codec.Call{})
		e, _ := errors.AsType[*status.Error](err)
		if e == nil || e.Code != status.NotFound || e.Message != "m" || len(e.Details) != len(want) {
			t.Errorf("%s: got %+v", name, e)
			continue
		}
		for i := range want {
			if !proto.Equal(e.Details[i], want[i]) {
				t.Errorf("%s: detail %d: got %v, want %v", name, i, e.Details[i], want[i])
			}
		}
		if own, bin := trailer.Values("x-own"), trailer.Values("y-bin"); strings.Join(own, "") != "12" || strings.Join(bin, "") != "\x00\x01" {
			t.Errorf("%s: got the trailers %q", name, trailer)
		}
		if len(trailer) != 4 {
			t.Errorf("%s: got the trailers %q, want no reserved ones", name, trailer)
		}
	}
}
