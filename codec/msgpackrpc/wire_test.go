package msgpackrpc_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tinylib/msgp/msgp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/msgpackrpc"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/memtransport"
)

// A methods is the handler of the tests.
type methods map[string]func(ctx context.Context, call *codec.Call, r codec.Responder) (any, error)

func (m methods) ServeCall(ctx context.Context, call *codec.Call, r codec.Responder) {
	serve := m[call.Method]
	if serve == nil {
		_ = r.Finish(nil, status.Errorf(status.Unimplemented, "no method %s", call.Method))
		return
	}
	last, err := serve(ctx, call, r)
	if err != nil {
		last = nil
	}
	_ = r.Finish(last, err)
}

func examples() methods {
	return methods{
		"a.B/Echo": func(_ context.Context, _ *codec.Call, r codec.Responder) (any, error) {
			in := &structpb.Value{}
			return in, r.Recv(in)
		},
		"a.B/Fail": func(context.Context, *codec.Call, codec.Responder) (any, error) {
			return nil, status.Errorf(status.NotFound, "gone").With(durationpb.New(time.Second))
		},
		"a.B/Head": func(_ context.Context, call *codec.Call, r codec.Responder) (any, error) {
			_ = r.SetHeader(codec.Meta{{Key: "x-h", Value: "1"}, {Key: "x-h", Value: "2"}})
			_ = r.SetTrailer(codec.Meta{{Key: "x-t-bin", Value: "\x00"}})
			return wrapperspb.String(strings.Join(call.Header.Values("x-in"), "+")), nil
		},
		"a.B/Collect": func(_ context.Context, _ *codec.Call, r codec.Responder) (any, error) {
			all := ""
			for {
				in := &wrapperspb.StringValue{}
				if err := r.Recv(in); err == io.EOF {
					return wrapperspb.String(all), nil
				} else if err != nil {
					return nil, err
				}
				all += in.GetValue()
			}
		},
		"a.B/Wait": func(ctx context.Context, _ *codec.Call, _ codec.Responder) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}
}

// A peer speaks MessagePack-RPC by hand, with the encoder of others.
type peer struct {
	t *testing.T
	net.Conn
	in     *msgp.Reader
	served chan error
}

func dial(t *testing.T, lim codec.Limits) *peer {
	t.Helper()
	near, far := memtransport.Pipe()
	p := &peer{t: t, Conn: near, in: msgp.NewReader(near), served: make(chan error, 1)}
	go func() {
		p.served <- msgpackrpc.Format{}.Serve(context.Background(), far, examples(), codec.Config{Limits: lim})
	}()
	t.Cleanup(func() {
		_ = near.Close()
		if err := <-p.served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	_ = near.SetDeadline(time.Now().Add(20 * time.Second))
	return p
}

type (
	array = []any
	table = map[string]any
)

func encode(t testing.TB, values ...any) (b []byte) {
	t.Helper()
	for _, v := range values {
		var err error
		if b, err = msgp.AppendIntf(b, v); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func (p *peer) write(values ...any) {
	p.t.Helper()
	if _, err := p.Write(encode(p.t, values...)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) read() any {
	p.t.Helper()
	v, err := p.in.ReadIntf()
	if err != nil {
		p.t.Fatalf("reading an answer: %v", err)
	}
	return v
}

// want fails the test unless the next answer is want, whatever the width of numbers.
func (p *peer) want(what string, want any) {
	p.t.Helper()
	if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(p.read())); diff != "" {
		p.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// wantCode reads an answer with an error.
func (p *peer) wantCode(what string, id any, code status.Code) {
	p.t.Helper()
	got, _ := p.read().(array)
	if len(got) != 4 || fmt.Sprint(got[:2]) != fmt.Sprint(array{1, id}) || got[3] != nil {
		p.t.Fatalf("%s: got %v", what, got)
	}
	e, isTable := got[2].(table)
	text, _ := got[2].(string)
	if isTable && fmt.Sprint(e["code"]) != fmt.Sprint(uint32(code)) || !isTable && !strings.HasPrefix(text, code.String()+": ") {
		p.t.Errorf("%s: got %v, want code %v", what, got, code)
	}
}

func TestServer_Calls(t *testing.T) {
	p := dial(t, codec.Limits{})
	p.write(array{0, 1, "a.B/Echo", array{"x"}})
	p.want("an element", array{1, 1, nil, "x"})
	p.write(array{0, uint32(1<<32 - 1), "a.B/Echo", table{"a": true}})
	p.want("a map", array{1, uint32(1<<32 - 1), nil, table{"a": true}})
	p.write(array{0, 1, "a.B/Echo", array{array{1, 2}}})
	p.want("an array", array{1, 1, nil, array{1, 2}})
	p.write(array{0, 1, "a.B/Echo", array{nil}})
	p.want("nil", array{1, 1, nil, nil})
	for _, none := range []any{array{}, nil} {
		p.write(array{0, 1, "a.B/Echo", none})
		p.want("nothing", array{1, 1, nil, table{}})
	}
	p.write(array{2, "a.B/Echo", array{"x"}}, array{2, "a.B/Missing", array{}}) // nobody is answered
	p.write(array{0, 1, "a.B/Fail", array{}})
	p.want("an error for a plain client", array{1, 1, "not_found: gone", nil})
	p.write(array{0, 1, "a.B/Fail", array{}, table{}})
	p.want("an error", array{1, 1, table{"code": 5, "message": "gone", "details": array{
		table{"type": "type.googleapis.com/google.protobuf.Duration", "value": []byte{8, 1}},
	}}, nil})
	p.write(array{0, 1, "a.B/Head", array{}})
	p.want("no metadata for a plain client", array{1, 1, nil, ""})
	p.write(array{0, 1, "a.B/Head", array{}, table{"meta": table{"x-in": array{"a", "b"}}, "timeout": 10000}})
	p.want("metadata", array{1, 1, nil, "a+b", table{"meta": table{"x-h": array{"1", "2"}}, "trailer": table{"x-t-bin": array{[]byte{0}}}}})
	p.write(array{0, 9, "a.B/Collect", array{"1"}, table{"stream": "client"}},
		array{2, "rpc.message", array{table{"id": 9, "message": "2"}}},
		array{2, "rpc.end", array{table{"id": 9, "message": "3"}}})
	p.want("credit in advance", array{2, "rpc.credit", array{table{"id": 9, "bytes": 1<<20 - 64<<10}}})
	p.want("a stream", array{1, 9, nil, "123"})
	p.write(array{0, 1, "a.B/Wait", array{}}, array{2, "rpc.cancel", array{table{"id": 1}}})
	p.wantCode("a cancelled call", 1, status.Canceled)
	p.write(array{0, 1, "a.B/Wait", array{}, table{"timeout": 1}})
	p.wantCode("a deadline", 1, status.DeadlineExceeded)
}

func TestServer_Invalid(t *testing.T) {
	large := strings.Repeat("x", 5000)
	for name, row := range map[string]struct {
		sent any
		code status.Code
	}{
		"no such method":    {array{0, 7, "Echo", array{}}, status.Unimplemented},
		"method, a number":  {array{0, 7, 7, array{}}, status.InvalidArgument},
		"method, not UTF-8": {array{0, 7, "\xff", array{}}, status.InvalidArgument},
		"two params":        {array{0, 7, "a.B/Echo", array{1, 2}}, status.InvalidArgument},
		"params, a string":  {array{0, 7, "a.B/Echo", "x"}, status.InvalidArgument},
		"message":           {array{0, 7, "a.B/Collect", array{1}, table{"stream": "client"}}, status.InvalidArgument},
		"extension":         {array{0, 7, "a.B/Echo", array{}, 7}, status.InvalidArgument},
		"stream":            {array{0, 7, "a.B/Echo", array{}, table{"stream": "up"}}, status.InvalidArgument},
		"timeout":           {array{0, 7, "a.B/Echo", array{}, table{"timeout": -1}}, status.InvalidArgument},
		"meta":              {array{0, 7, "a.B/Echo", array{}, table{"meta": 7}}, status.InvalidArgument},
		"a bad key":         {array{0, 7, "a.B/Echo", array{}, table{"meta": table{"ü": "x"}}}, status.InvalidArgument},
		"a bad value":       {array{0, 7, "a.B/Echo", array{}, table{"meta": table{"x": true}}}, status.InvalidArgument},
		"a large message":   {array{0, 7, "a.B/Echo", array{large[:1000]}}, status.ResourceExhausted},
		"a huge message":    {array{0, 7, "a.B/Echo", array{large}}, status.ResourceExhausted},
		"a large head":      {array{0, 7, large[:1500], array{}}, status.ResourceExhausted},
	} {
		t.Run(name, func(t *testing.T) {
			p := dial(t, codec.Limits{MessageBytes: 1000, HeaderBytes: 1000})
			p.write(row.sent)
			if row.code == status.InvalidArgument && name == "message" {
				if got := p.read().(array); got[0] != int64(2) { // credit, unless the window is that of every client
					p.t.Fatalf("got %v", got)
				}
			}
			p.wantCode(name, 7, row.code)
			p.write(array{0, 1, "a.B/Echo", array{"x"}})
			p.want("the next request", array{1, 1, nil, "x"})
		})
	}
}

func TestServer_Broken(t *testing.T) {
	for name, sent := range map[string]string{
		"no array":                      string(encode(t, "text")),
		"a short array":                 string(encode(t, array{0, 1})),
		"a long array":                  string(encode(t, array{0, 1, "a", array{}, table{}, 1})),
		"type 3":                        string(encode(t, array{3, 1, "a", array{}})),
		"type, a string":                string(encode(t, array{"0", 1, "a", array{}})),
		"a negative id":                 string(encode(t, array{0, -1, "a", array{}})),
		"a large id":                    string(encode(t, array{0, 1 << 32, "a", array{}})),
		"id, a string":                  string(encode(t, array{0, "1", "a", array{}})),
		"0xc1":                          "\x94\x00\x01\xa1a\xc1",
		"a huge message, without an id": "\x93\x02\xab" + "rpc.message" + "\x91\x82\xa7message\xdb\x00\x00\x20\x00" + strings.Repeat("x", 8192) + "\xa2id\x01",
		"a million arrays":              strings.Repeat("\x91", 1_000_000) + "\x00",
		"maps of 4 billion":             strings.Repeat("\xdf\xff\xff\xff\xff", 2000),
	} {
		p := dial(t, codec.Limits{MessageBytes: 1000, HeaderBytes: 1000})
		_, _ = io.WriteString(p, sent)
		select {
		case err := <-p.served:
			if err == nil {
				t.Errorf("%s: Serve returns no error", name)
			}
			p.served <- nil
		case <-time.NewTimer(10 * time.Second).C:
			t.Fatalf("%s: Serve does not return", name)
		}
	}
}

func TestServer_TakesDeepMessages(t *testing.T) {
	p := dial(t, codec.Limits{})
	_, _ = io.WriteString(p, "\x94\x00\x01\xa8a.B/Echo\x91"+strings.Repeat("\x91", 1_000_000)+"\x00")
	p.wantCode("a million nested arrays", 1, status.InvalidArgument)
}

func TestMatch(t *testing.T) {
	for s, want := range map[string]transport.Match{
		"": transport.More, "\x94": transport.More, "\x94\x00": transport.Yes, "\x95\x00": transport.Yes, "\x93\x02\xa1a": transport.Yes,
		"\xdc": transport.More, "\xdc\x00": transport.More, "\xdc\x00\x04": transport.More, "\xdc\x00\x04\x00": transport.Yes,
		"\xdd\x00\x00\x00\x03\x02": transport.Yes, "\xdd\x00\x00\x01": transport.No, "\xdc\x01": transport.No,
		"\x94\x03": transport.No, "\x96\x00": transport.No, "\x92": transport.No, "GET /": transport.No, "\x16\x03\x01": transport.No,
		"{": transport.No, "\x89PRPC": transport.No, "\xdc\x00\x06": transport.No,
	} {
		if got := (msgpackrpc.Format{}).Match([]byte(s)); got != want {
			t.Errorf("%q: got %v, want %v", s, got, want)
		}
	}
}

func TestClient_Plain(t *testing.T) {
	near, far := memtransport.Pipe()
	conn, err := msgpackrpc.Format{Plain: true}.Dial(t.Context(), near, codec.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	p := &peer{t: t, Conn: far, in: msgp.NewReader(far)}
	for i, row := range []struct {
		outcome, result any
		want            *status.Error
	}{
		{nil, "fine", nil},
		{"it broke", nil, &status.Error{Code: status.Unknown, Message: "it broke"}},
		{true, nil, &status.Error{Code: status.Unknown, Message: "the server answers with an error of type bool"}},
		{table{"code": 5, "message": "gone"}, nil, &status.Error{Code: status.NotFound, Message: "gone"}},
	} {
		s, err := conn.Open(t.Context(), &codec.Call{Method: "echo", Timeout: time.Minute, Header: codec.Meta{{Key: "x", Value: "y"}}})
		if err == nil {
			err = s.Finish(wrapperspb.String("hi"), nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		p.want("the request", array{0, i + 1, "echo", array{"hi"}})
		p.write(array{1, i + 1, row.outcome, row.result})
		out := &wrapperspb.StringValue{}
		err = s.Recv(out)
		if e := status.From(err); (e == nil) != (row.want == nil) || e != nil && (e.Code != row.want.Code || e.Message != row.want.Message) {
			t.Errorf("%v: got %v, want %v", row.outcome, err, row.want)
		}
		_ = s.Close()
	}
	if _, err := conn.Open(t.Context(), &codec.Call{Method: "echo", Kind: codec.BidiStream}); status.CodeOf(err) != status.Unimplemented {
		t.Errorf("a bidi stream: got %v", err)
	}
}

// The limits are small, so that the fuzzer finds them.
func tight() codec.Config {
	return codec.Config{Limits: codec.Limits{MessageBytes: 200, HeaderBytes: 200, Calls: 3}}
}

// FuzzServer lets a server read anything: it must neither panic nor hang, nor leave a goroutine.
func FuzzServer(f *testing.F) {
	f.Add(encode(f, array{0, 1, "a.B/Echo", array{"x"}, table{"meta": table{"x": array{"y"}}, "timeout": 9}}, array{2, "a.B/Echo", table{}}))
	for _, last := range []any{
		array{2, "rpc.end", array{table{"id": 1}}}, array{2, "rpc.credit", array{table{"id": 1, "bytes": 1}}}, array{2, "rpc.cancel", array{table{"id": 1}}},
	} {
		f.Add(encode(f, array{0, 1, "a.B/Collect", array{}, table{"stream": "bidi", "window": 9}},
			array{2, "rpc.message", array{table{"id": 1, "message": "2"}}}, last))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		near, far := memtransport.Pipe()
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = msgpackrpc.Format{}.Serve(context.Background(), far, examples(), tight())
		}()
		go func() { _, _ = io.Copy(io.Discard, near) }()
		_, _ = near.Write(input)
		_ = near.Close()
		await(t, served)
	})
}

// FuzzClient lets a client with two calls read anything from a server.
func FuzzClient(f *testing.F) {
	f.Add(encode(f, array{1, 1, nil, "x", table{"meta": table{}, "trailer": table{"x": "y"}}},
		array{1, 2, table{"code": 5, "message": "gone", "details": array{table{"type": "x"}}, "unprocessed": true}, nil}))
	f.Add(encode(f, array{2, "rpc.message", array{table{"id": 2, "message": "x", "meta": table{"x": "y"}}}}, array{2, "rpc.goaway", array{table{}}}))
	f.Fuzz(func(t *testing.T, input []byte) {
		near, far := memtransport.Pipe()
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = io.Copy(io.Discard, far)
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		conn, err := msgpackrpc.Format{}.Dial(ctx, near, tight())
		if err != nil {
			t.Fatal(err)
		}
		var streams []codec.Stream
		for _, kind := range []codec.Kind{codec.Unary, codec.BidiStream} {
			s, err := conn.Open(ctx, &codec.Call{Method: "a.B/C", Kind: kind})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Finish(structpb.NewStringValue("hi"), nil); err != nil {
				t.Fatal(err)
			}
			streams = append(streams, s)
		}
		_, _ = far.Write(input)
		_ = far.Close()
		<-read
		await(t, conn.Done())
		_ = conn.Close()
		for _, s := range streams {
			for s.Recv(new(structpb.Value)) == nil {
			}
			_ = s.Close()
		}
	})
}

func await(t *testing.T, done <-chan struct{}) {
	t.Helper()
	timer := time.NewTimer(20 * time.Second)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		t.Fatal("hangs")
	}
}
