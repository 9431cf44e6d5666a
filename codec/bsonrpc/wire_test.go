package bsonrpc_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/bsonrpc"
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
			in := &wrapperspb.StringValue{}
			return in, r.Recv(in)
		},
		"a.B/Count": func(_ context.Context, _ *codec.Call, r codec.Responder) (any, error) {
			in := &structpb.Struct{}
			err := r.Recv(in)
			return wrapperspb.Int64(int64(len(in.GetFields()))), err
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

// A peer speaks BSON-RPC by hand, with the driver's own encoder.
type peer struct {
	t *testing.T
	net.Conn
	served chan error
}

func dial(t *testing.T, lim codec.Limits) *peer {
	t.Helper()
	near, far := memtransport.Pipe()
	p := &peer{t: t, Conn: near, served: make(chan error, 1)}
	go func() {
		p.served <- bsonrpc.Format{}.Serve(context.Background(), far, examples(), codec.Config{Limits: lim})
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

func encode(t testing.TB, doc bson.D) []byte {
	t.Helper()
	b, err := bson.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (p *peer) write(docs ...bson.D) {
	p.t.Helper()
	for _, doc := range docs {
		if _, err := p.Write(encode(p.t, doc)); err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *peer) read() bson.D {
	p.t.Helper()
	head := make([]byte, 4)
	if _, err := io.ReadFull(p, head); err != nil {
		p.t.Fatalf("reading an answer: %v", err)
	}
	b := make([]byte, binary.LittleEndian.Uint32(head))
	copy(b, head)
	if _, err := io.ReadFull(p, b[4:]); err != nil {
		p.t.Fatal(err)
	}
	var doc bson.D
	if err := bson.Unmarshal(b, &doc); err != nil {
		p.t.Fatal(err)
	}
	return doc
}

func (p *peer) want(what string, want bson.D) {
	p.t.Helper()
	if diff := cmp.Diff(encode(p.t, want), encode(p.t, p.read())); diff != "" {
		p.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// wantCode reads an answer with an error.
func (p *peer) wantCode(what string, id any, code status.Code) {
	p.t.Helper()
	got := p.read()
	if len(got) != 2 || got[0].Key != "id" || got[1].Key != "error" {
		p.t.Fatalf("%s: got %v", what, got)
	}
	e, _ := got[1].Value.(bson.D)
	if len(e) < 2 || e[0].Value != int64(code) || !cmp.Equal(got[0].Value, id) {
		p.t.Errorf("%s: got %v, want id %v and code %d", what, got, id, code)
	}
}

// doc returns a document of keys and values in turn.
func doc(pairs ...any) bson.D {
	d := make(bson.D, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		d = append(d, bson.E{Key: pairs[i].(string), Value: pairs[i+1]})
	}
	return d
}

func TestServer_EchoesIDs(t *testing.T) {
	p := dial(t, codec.Limits{})
	for _, id := range []any{
		int32(1), int64(1), 1.0, "ä", "", nil, true, bson.NewObjectID(), bson.NewDateTimeFromTime(time.Now()),
		bson.Binary{Subtype: 4, Data: make([]byte, 16)},
		bson.Timestamp{T: 1, I: 2},
		bson.NewDecimal128(1, 2),
		bson.MinKey{},
	} {
		p.write(doc("id", id, "method", "a.B/Echo", "params", doc("value", "x")))
		p.want("an id", doc("id", id, "result", doc("value", "x")))
	}
}

func TestServer_Calls(t *testing.T) {
	p := dial(t, codec.Limits{})
	p.write(doc("id", 1, "method", "a.B/Count"))
	p.want("no params", doc("id", int32(1), "result", doc("value", int64(0))))
	p.write(doc("id", 1, "method", "a.B/Echo", "params", bson.A{doc("value", "x")}))
	p.want("an array", doc("id", int32(1), "result", doc("value", "x")))
	p.write(doc("method", "a.B/Echo"), doc("method", "a.B/Missing")) // nobody is answered
	p.write(doc("id", 1, "method", "a.B/Fail"))
	p.want("an error", doc(
		"id", int32(1),
		"error", doc(
			"code", int64(5),
			"message", "gone",
			"details", bson.A{doc("type", "type.googleapis.com/google.protobuf.Duration", "value", []byte{8, 1})},
		),
	))
	p.write(doc("id", 1, "method", "a.B/Head", "meta", doc("x-in", bson.A{"a", "b"}), "timeout", int64(10000)))
	p.want("metadata", doc(
		"id", int32(1),
		"meta", doc("x-h", bson.A{"1", "2"}),
		"trailer", doc("x-t-bin", bson.A{[]byte{0}}),
		"result", doc("value", "a+b"),
	))
	p.write(doc("id", "c", "method", "a.B/Collect", "stream", "client", "params", doc("value", "1")),
		doc("method", "rpc.message", "params", doc("id", "c", "message", doc("value", "2"))),
		doc("method", "rpc.end", "params", doc("id", "c", "message", doc("value", "3"))))
	p.want("credit in advance", doc("method", "rpc.credit", "params", doc("id", "c", "bytes", int64(1<<20-64<<10))))
	p.want("a stream", doc("id", "c", "result", doc("value", "123")))
	p.write(doc("id", 1, "method", "a.B/Wait"), doc("method", "rpc.cancel", "params", doc("id", 1)))
	p.wantCode("a cancelled call", int32(1), status.Canceled)
	p.write(doc("id", 1, "method", "a.B/Wait", "timeout", 1))
	p.wantCode("a deadline", int32(1), status.DeadlineExceeded)
}

func TestServer_Malformed(t *testing.T) {
	large := strings.Repeat("x", 5000)
	for name, row := range map[string]struct {
		doc  bson.D
		id   any
		code status.Code
	}{
		"no method":        {doc("id", 1), int32(1), status.InvalidArgument},
		"another method":   {doc("id", 1, "Method", "a.B/Echo"), int32(1), status.InvalidArgument},
		"method, a number": {doc("id", 1, "method", 1), int32(1), status.InvalidArgument},
		"two methods":      {doc("id", 1, "method", "a.B/Echo", "method", "a.B/Fail"), int32(1), status.InvalidArgument},
		"id, a document":   {doc("id", doc(), "method", "a.B/Echo"), nil, status.InvalidArgument},
		"params, a number": {doc("id", 1, "method", "a.B/Echo", "params", 1), int32(1), status.InvalidArgument},
		"two params":       {doc("id", 1, "method", "a.B/Echo", "params", bson.A{doc(), doc()}), int32(1), status.InvalidArgument},
		"message":          {doc("id", 1, "method", "a.B/Echo", "params", doc("value", 1)), int32(1), status.InvalidArgument},
		"stream":           {doc("id", 1, "method", "a.B/Echo", "stream", 1), int32(1), status.InvalidArgument},
		"stream, no id":    {doc("id", nil, "method", "a.B/Echo", "stream", "server"), nil, status.InvalidArgument},
		"timeout":          {doc("id", 1, "method", "a.B/Echo", "timeout", -1), int32(1), status.InvalidArgument},
		"meta":             {doc("id", 1, "method", "a.B/Echo", "meta", 1), int32(1), status.InvalidArgument},
		"a bad key":        {doc("id", 1, "method", "a.B/Echo", "meta", doc("ü", "1")), int32(1), status.InvalidArgument},
		"a bad value":      {doc("id", 1, "method", "a.B/Echo", "meta", doc("x", 1)), int32(1), status.InvalidArgument},
		"a large message":  {doc("id", 1, "method", "a.B/Echo", "params", doc("value", large[:1000])), int32(1), status.ResourceExhausted},
		"a huge message":   {doc("id", 1, "method", "a.B/Echo", "params", doc("value", large)), int32(1), status.ResourceExhausted},
		"a late id":        {doc("method", "a.B/Echo", "params", doc("value", large), "id", 1), nil, status.ResourceExhausted},
		"a huge id":        {doc("id", large, "method", "a.B/Echo"), nil, status.ResourceExhausted},
		"a large head":     {doc("id", 1, "method", large[:1500]), int32(1), status.ResourceExhausted},
	} {
		t.Run(name, func(t *testing.T) {
			p := dial(t, codec.Limits{MessageBytes: 1000, HeaderBytes: 1000})
			p.write(row.doc)
			p.wantCode(name, row.id, row.code)
			p.write(doc("id", 1, "method", "a.B/Echo", "params", doc("value", "x")))
			p.want("the next request", doc("id", int32(1), "result", doc("value", "x")))
		})
	}
}

func TestServer_NotBSON(t *testing.T) {
	p := dial(t, codec.Limits{})
	_, _ = p.Write([]byte("\x08\x00\x00\x00\x77a\x00\x00"))
	p.wantCode("a type that none is", nil, status.InvalidArgument)
	_, _ = p.Write([]byte{6, 0, 0, 0, 0, 0})
	p.wantCode("a document that goes on", nil, status.InvalidArgument)
	_, _ = p.Write([]byte{4, 0, 0, 0})
	if err := <-p.served; err == nil {
		t.Error("a document of 4 bytes: Serve returns no error")
	}
	p.served <- nil
}

func TestMatch(t *testing.T) {
	for _, doc := range []bson.D{doc("id", 1), doc("method", "x"), doc("params", doc())} {
		b := encode(t, doc)
		for n := range b {
			if m := (bsonrpc.Format{}).Match(b[:n]); m == transport.No || n > 11 && m != transport.Yes {
				t.Errorf("%q: got %v", b[:n], m)
			}
		}
	}
	for _, s := range []string{
		"GET / HTTP/1.1", "PRI * HTTP/2.0", "\x16\x03\x01\x00\xa5\x01\x00", "{\"jsonrpc\"", "\x89PRPC\r\n\x01", "\x94\x00\x01\xa1x",
		"\x04\x00\x00\x00\x10i", "\x10\x00\x00\x00\x10\x00", "\x10\x00\x00\x00\x10\x01", "\x10\x00\x00\x00\x7fid\x00",
	} {
		if m := (bsonrpc.Format{}).Match([]byte(s)); m != transport.No {
			t.Errorf("%q: got %v, want no", s, m)
		}
	}
}

// FuzzServer lets a server read anything: it must neither panic nor hang, nor leave a goroutine.
func FuzzServer(f *testing.F) {
	f.Add(encode(f, doc("id", 1, "method", "a.B/Echo", "params", doc("value", "x"), "meta", doc("x", bson.A{"y"}), "timeout", 9)))
	stream := append(encode(f, doc("id", 1, "method", "a.B/Collect", "stream", "bidi", "window", 9)),
		encode(f, doc("method", "rpc.message", "params", doc("id", 1, "message", doc("value", "2"))))...)
	f.Add(append(stream, encode(f, doc("method", "rpc.end", "params", doc("id", 1)))...))
	f.Add(append(stream, encode(f, doc("method", "rpc.credit", "params", doc("id", 1, "bytes", 1)))...))
	f.Add(append(stream, encode(f, doc("method", "rpc.cancel", "params", doc("id", 1)))...))
	f.Fuzz(func(t *testing.T, input []byte) {
		near, far := memtransport.Pipe()
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = bsonrpc.Format{}.Serve(context.Background(), far, examples(), tight())
		}()
		go func() { _, _ = io.Copy(io.Discard, near) }()
		_, _ = near.Write(input)
		_ = near.Close()
		await(t, served)
	})
}

// FuzzClient lets a client with two calls read anything from a server.
func FuzzClient(f *testing.F) {
	f.Add(append(encode(f, doc("id", int64(1), "result", doc("value", "x"), "meta", doc(), "trailer", doc("x", "y"))),
		encode(f, doc("id", int64(2), "error", doc("code", 5, "message", "gone", "details", bson.A{doc("type", "x")}, "unprocessed", true)))...))
	f.Add(append(encode(f, doc("method", "rpc.message", "params", doc("id", int64(2), "message", doc(), "meta", doc("x", "y")))),
		encode(f, doc("method", "rpc.goaway"))...))
	f.Fuzz(func(t *testing.T, input []byte) {
		near, far := memtransport.Pipe()
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = io.Copy(io.Discard, far)
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		conn, err := bsonrpc.Format{}.Dial(ctx, near, tight())
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

// The limits are small, so that the fuzzer finds them.
func tight() codec.Config {
	return codec.Config{Limits: codec.Limits{MessageBytes: 200, HeaderBytes: 200, Calls: 3}}
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
