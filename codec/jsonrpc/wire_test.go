package jsonrpc_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/jsonrpc"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport/memtransport"
)

// A methods is the handler of the tests.
type methods map[string]func(ctx context.Context, call *codec.Call, r codec.Responder) (any, error)

func (m methods) ServeCall(ctx context.Context, call *codec.Call, r codec.Responder) {
	serve := m[call.Method]
	if serve == nil {
		_ = r.Finish(nil, status.Errorf(status.Unimplemented, "Method not found"))
		return
	}
	last, err := serve(ctx, call, r)
	if err != nil {
		last = nil
	}
	_ = r.Finish(last, err)
}

// examples are the methods of the specification's examples, and some more.
func examples() methods {
	return methods{
		"subtract": func(_ context.Context, _ *codec.Call, r codec.Responder) (any, error) {
			in := &structpb.Struct{}
			if err := r.Recv(in); err != nil {
				return nil, err
			}
			return structpb.NewNumberValue(in.GetFields()["minuend"].GetNumberValue() - in.GetFields()["subtrahend"].GetNumberValue()), nil
		},
		"get_data": func(context.Context, *codec.Call, codec.Responder) (any, error) {
			return &structpb.ListValue{Values: []*structpb.Value{structpb.NewStringValue("hello"), structpb.NewNumberValue(5)}}, nil
		},
		"a.B/Echo": func(_ context.Context, _ *codec.Call, r codec.Responder) (any, error) {
			in := &structpb.Value{}
			return in, r.Recv(in)
		},
		"a.B/Fail": func(context.Context, *codec.Call, codec.Responder) (any, error) {
			return nil, status.Errorf(status.NotFound, "gone").With(durationpb.New(time.Second))
		},
		"a.B/Head": func(ctx context.Context, call *codec.Call, r codec.Responder) (any, error) {
			_, timed := ctx.Deadline()
			_ = r.SetHeader(codec.Meta{{Key: "x-h", Value: "1"}, {Key: "x-h", Value: "2"}})
			_ = r.SetTrailer(codec.Meta{{Key: "x-t-bin", Value: "\x00"}})
			return structpb.NewStringValue(fmt.Sprint(strings.Join(call.Header.Values("x-in"), "+"), " ", timed)), nil
		},
		"a.B/Count": func(_ context.Context, _ *codec.Call, r codec.Responder) (any, error) {
			for i := range 3 {
				if err := r.Send(structpb.NewNumberValue(float64(i))); err != nil {
					return nil, err
				}
			}
			return nil, nil
		},
		"a.B/Collect": func(_ context.Context, _ *codec.Call, r codec.Responder) (any, error) {
			all := &structpb.ListValue{}
			for {
				in := &structpb.Value{}
				if err := r.Recv(in); err == io.EOF {
					return all, nil
				} else if err != nil {
					return nil, err
				}
				all.Values = append(all.Values, in)
			}
		},
		"a.B/Wait": func(ctx context.Context, _ *codec.Call, _ codec.Responder) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}
}

// A peer speaks JSON-RPC by hand.
type peer struct {
	t *testing.T
	net.Conn
	in     *bufio.Reader
	served chan error
}

func dial(t *testing.T, h codec.Handler, lim codec.Limits) *peer {
	t.Helper()
	near, far := memtransport.Pipe()
	p := &peer{t: t, Conn: near, in: bufio.NewReader(near), served: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { p.served <- jsonrpc.Format{}.Serve(ctx, far, h, codec.Config{Limits: lim}) }()
	t.Cleanup(func() {
		_ = near.Close()
		cancel()
		_ = p.wait()
	})
	_ = near.SetDeadline(time.Now().Add(20 * time.Second))
	return p
}

func (p *peer) wait() (err error) {
	p.t.Helper()
	select {
	case err = <-p.served:
		p.served <- err
	case <-time.NewTimer(20 * time.Second).C:
		p.t.Fatal("Serve does not return")
	}
	return err
}

func (p *peer) writef(format string, args ...any) {
	p.t.Helper()
	if _, err := fmt.Fprintf(p, format, args...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) line() string {
	p.t.Helper()
	line, err := p.in.ReadString('\n')
	if err != nil {
		p.t.Fatalf("reading an answer: %v", err)
	}
	return strings.TrimSuffix(line, "\n")
}

// want fails the test unless the next answer is like want: see brief.
func (p *peer) want(sent, want string) {
	p.t.Helper()
	checkAnswer(p.t, sent, p.line(), want)
}

func checkAnswer(t *testing.T, sent, got, want string) {
	t.Helper()
	if diff := cmp.Diff(brief(t, want), brief(t, got)); diff != "" {
		t.Errorf("%.300s\nis answered by %.500s (-want +got):\n%s", sent, got, diff)
	}
}

// brief decodes an answer without what the specification leaves to the server: the text and the data of errors, and the
// order within a batch.
func brief(t *testing.T, answer string) any {
	t.Helper()
	var v any
	d := json.NewDecoder(strings.NewReader(answer))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, one := range list {
		if e, ok := one.(map[string]any)["error"].(map[string]any); ok {
			delete(e, "message")
			delete(e, "data")
		}
	}
	slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return v
}

// The examples of https://www.jsonrpc.org/specification#examples, word for word. Those with more than one positional
// parameter are refused, since a method takes one message.
var specification = []struct{ name, sent, want string }{
	{"positional", `{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}`, `{"jsonrpc": "2.0", "error": {"code": -32602}, "id": 1}`},
	{"positional 2", `{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}`, `{"jsonrpc": "2.0", "error": {"code": -32602}, "id": 2}`},
	{"named", `{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}`, `{"jsonrpc": "2.0", "result": 19, "id": 3}`},
	{"named 2", `{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}`, `{"jsonrpc": "2.0", "result": 19, "id": 4}`},
	{"notification", `{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}`, ``},
	{"notification 2", `{"jsonrpc": "2.0", "method": "foobar"}`, ``},
	{"no such method", `{"jsonrpc": "2.0", "method": "foobar", "id": "1"}`, `{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}`},
	{"invalid JSON", `{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]`, `{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}`},
	{"invalid request", `{"jsonrpc": "2.0", "method": 1, "params": "bar"}`, `{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}`},
	{"batch, invalid JSON", `[
  {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
  {"jsonrpc": "2.0", "method"
]`, `{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}`},
	{"empty array", `[]`, `{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}`},
	{"invalid batch, not empty", `[1]`, `[
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}
]`},
	{"invalid batch", `[1,2,3]`, `[
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}
]`},
	{"batch", `[
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
    ]`, `[
        {"jsonrpc": "2.0", "error": {"code": -32602}, "id": "1"},
        {"jsonrpc": "2.0", "error": {"code": -32602}, "id": "2"},
        {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
        {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "5"},
        {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}
    ]`},
	{"batch of notifications", `[
        {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
    ]`, ``},
}

func TestServer_Specification(t *testing.T) {
	for _, row := range specification {
		t.Run(row.name, func(t *testing.T) {
			for name, frame := range map[string]func(string) string{
				"line":   func(s string) string { return strings.ReplaceAll(s, "\n", "\r") + "\n" },
				"header": func(s string) string { return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(s), s) },
			} {
				p := dial(t, examples(), codec.Limits{})
				p.writef("%s", frame(row.sent))
				last := `{"jsonrpc":"2.0","method":"get_data","id":"last"}`
				next := row.want
				if next == "" { // what is answered next is another request
					p.writef("%s", frame(last))
					next = `{"jsonrpc":"2.0","result":["hello",5],"id":"last"}`
				}
				if name == "line" {
					p.want(row.sent, next)
					continue
				}
				checkAnswer(t, row.sent, p.sized(), next)
			}
		})
	}
}

// sized reads an answer with a header.
func (p *peer) sized() string {
	p.t.Helper()
	var n int
	if _, err := fmt.Fscanf(p.in, "Content-Length: %d\r\n\r\n", &n); err != nil {
		p.t.Fatal(err)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(p.in, b); err != nil {
		p.t.Fatal(err)
	}
	return string(b)
}

func TestServer_EchoesIDs(t *testing.T) {
	p := dial(t, examples(), codec.Limits{})
	for _, id := range []string{`1`, `1.0`, `1e2`, `-0`, `123456789012345678901234567890`, `"ä"`, `"\u00e4"`, `""`, `null`, `"1"`} {
		p.writef(`{"jsonrpc":"2.0","id":%s,"method":"a.B.Echo","params":[7]}`+"\n", id)
		want := fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":7}`, id)
		if got := p.line(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestServer_Params(t *testing.T) {
	p := dial(t, examples(), codec.Limits{})
	for params, want := range map[string]string{
		`{"a":1}`:      `"result":{"a":1}`,
		`[{"a":1}]`:    `"result":{"a":1}`,
		`["text"]`:     `"result":"text"`,
		`[null]`:       `"result":null`,
		`[[1,[2]]]`:    `"result":[1,[2]]`,
		`[]`:           `"result":{}`,
		`{}`:           `"result":{}`,
		`[1,2]`:        `"error":{"code":-32602}`,
		`1`:            `"error":{"code":-32602}`,
		`"text"`:       `"error":{"code":-32602}`,
		`null`:         `"error":{"code":-32602}`,
		`{"a":"\ud8"}`: `"error":{"code":-32700},"id":null`,
	} {
		sent := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"a.B/Echo","params":%s}`, params)
		p.writef("%s\n", sent)
		p.want(sent, `{"jsonrpc":"2.0","id":1,`+want+`}`)
	}
}

func TestServer_Malformed(t *testing.T) {
	const nobody, invalid, parse = `{"jsonrpc":"2.0","id":null,"error":{"code":%d}}`, -32600, -32700
	for name, row := range map[string]struct {
		sent   string
		number int
		id     string
	}{
		"no version":             {`{"id":1,"method":"a.B/Echo"}`, invalid, `1`},
		"another version":        {`{"jsonrpc":"1.0","id":1,"method":"a.B/Echo"}`, invalid, `1`},
		"a number as version":    {`{"jsonrpc":2.0,"id":1,"method":"a.B/Echo"}`, invalid, `1`},
		"no method":              {`{"jsonrpc":"2.0","id":1}`, invalid, `1`},
		"Method":                 {`{"jsonrpc":"2.0","id":1,"Method":"a.B/Echo"}`, invalid, `1`},
		"two methods":            {`{"jsonrpc":"2.0","id":1,"method":"a.B/Echo","method":"a.B/Fail"}`, invalid, `1`},
		"two methods, disguised": {`{"jsonrpc":"2.0","id":1,"method":"a.B/Echo","m\u0065thod":"a.B/Fail"}`, invalid, `1`},
		"two ids":                {`{"jsonrpc":"2.0","id":1,"id":2,"method":"a.B/Echo"}`, invalid, `2`},
		"an object as id":        {`{"jsonrpc":"2.0","id":{},"method":"a.B/Echo"}`, invalid, `null`},
		"true as id":             {`{"jsonrpc":"2.0","id":true,"method":"a.B/Echo"}`, invalid, `null`},
		"a string":               {`"text"`, invalid, `null`},
		"a number":               {`1`, invalid, `null`},
		"not UTF-8":              {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", parse, `null`},
		"deep":                   {`{"jsonrpc":"2.0","id":1,"method":"a.B/Echo","params":` + strings.Repeat("[", 1_000_000) + strings.Repeat("]", 1_000_000) + `}`, parse, `null`},
		"deep, without an end":   {strings.Repeat("[", 1_000_000), parse, `null`},
		"trailing comma":         {`{"jsonrpc":"2.0","id":1,"method":"a.B/Echo",}`, parse, `null`},
		"two in one line":        {`{"jsonrpc":"2.0","id":1,"method":"a.B/Echo"} {}`, parse, `null`},
		"stream of no kind":      {`{"jsonrpc":"2.0","id":1,"method":"a.B/Echo","stream":"up"}`, -32602, `1`},
		"stream without an id":   {`{"jsonrpc":"2.0","id":null,"method":"a.B/Echo","stream":"bidi"}`, invalid, `null`},
		"timeout":                {`{"jsonrpc":"2.0","id":1,"method":"a.B/Echo","timeout":-1}`, -32602, `1`},
		"metadata":               {`{"jsonrpc":"2.0","id":1,"method":"a.B/Echo","meta":{"x":[1]}}`, -32602, `1`},
		"metadata, not base64":   {`{"jsonrpc":"2.0","id":1,"method":"a.B/Echo","meta":{"x-bin":"%"}}`, -32602, `1`},
		"metadata, a bad key":    {`{"jsonrpc":"2.0","id":1,"method":"a.B/Echo","meta":{"ü":"1"}}`, -32602, `1`},
		"a batch of 100000":      {`[1` + strings.Repeat(`,{"jsonrpc":"2.0","id":1,"method":"a.B/Echo"}`, 100_000-1) + `]`, -32008, `null`},
	} {
		t.Run(name, func(t *testing.T) {
			p := dial(t, examples(), codec.Limits{MessageBytes: 8 << 20})
			p.writef("%s\n", row.sent)
			p.want(row.sent, strings.Replace(fmt.Sprintf(nobody, row.number), "null", row.id, 1))
			p.writef(`{"jsonrpc":"2.0","id":2,"method":"get_data"}` + "\n")
			p.want("the next request", `{"jsonrpc":"2.0","id":2,"result":["hello",5]}`)
		})
	}
}

func TestServer_BrokenHeader(t *testing.T) {
	for _, sent := range []string{
		"Content-Length: -1\r\n\r\n", "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", "Content-Type: x\r\n\r\n",
		"Content-Length\r\n\r\n", "Content-Length: 99999999999999999999\r\n\r\n", "Content-Type: " + strings.Repeat("x", 20_000),
	} {
		p := dial(t, examples(), codec.Limits{})
		p.writef("%s", sent)
		if err := p.wait(); err == nil {
			t.Errorf("%.40q: Serve returns no error", sent)
		}
	}
}

func TestServer_SkipsWhatIsTooLarge(t *testing.T) {
	lim := codec.Limits{MessageBytes: 1000, HeaderBytes: 1000}
	text := strings.Repeat("x", 100_000)
	for sent, id := range map[string]string{
		`{"jsonrpc":"2.0","id":7,"method":"a.B/Echo","params":["` + text[:1001] + `"]}`: `7`,
		`{"jsonrpc":"2.0","id":7,"method":"a.B/Echo","params":["` + text + `"]}`:        `7`,
		`{"jsonrpc":"2.0","method":"a.B/Echo","params":["` + text + `"],"id":7}`:        `null`,
		`{"jsonrpc":"2.0","id":"` + text + `","method":"a.B/Echo"}`:                     `null`,
		`{"jsonrpc":"2.0","id":7,"method":"` + text[:1500] + `"}`:                       `7`,
		`[` + text + `]`: `null`,
	} {
		for _, frame := range []string{"%s\n", "Content-Length: %[2]d\r\n\r\n%[1]s"} {
			p := dial(t, examples(), lim)
			read := p.line
			if strings.HasPrefix(frame, "C") {
				read = p.sized
				p.writef(frame, sent, len(sent))
			} else {
				p.writef(frame, sent)
			}
			checkAnswer(t, sent, read(), fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32008}}`, id))
		}
	}
}

func TestServer_Errors(t *testing.T) {
	p := dial(t, examples(), codec.Limits{})
	p.writef(`{"jsonrpc":"2.0","id":1,"method":"a.B/Fail"}` + "\n")
	const want = `{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"gone","data":{"code":"not_found","details":[` +
		`{"type":"type.googleapis.com/google.protobuf.Duration","value":"CAE="}]}}}`
	if got := p.line(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestServer_Meta(t *testing.T) {
	p := dial(t, examples(), codec.Limits{})
	p.writef(`{"jsonrpc":"2.0","id":1,"method":"a.B/Head","meta":{"X-In":["a","b"],"te":"x"},"timeout":10000}` + "\n")
	const want = `{"jsonrpc":"2.0","id":1,"meta":{"x-h":["1","2"]},"trailer":{"x-t-bin":["AA=="]},"result":"a+b true"}`
	if got := p.line(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	p.writef(`{"jsonrpc":"2.0","id":1,"method":"a.B/Head"}` + "\n")
	if got := p.line(); got != `{"jsonrpc":"2.0","id":1,"result":" false"}` {
		t.Errorf("a plain client gets %s", got)
	}
}

func TestServer_Streams(t *testing.T) {
	p := dial(t, examples(), codec.Limits{WindowBytes: 1})
	p.writef(`{"jsonrpc":"2.0","id":1,"method":"a.B/Count","stream":"server"}` + "\n")
	for i := range 3 {
		if got, want := p.line(), fmt.Sprintf(`{"jsonrpc":"2.0","method":"rpc.message","params":{"id":1,"message":%d}}`, i); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got, want := p.line(), `{"jsonrpc":"2.0","id":1,"result":null}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}

	p.writef(`{"jsonrpc":"2.0","id":"c","method":"a.B/Collect","stream":"client","params":[1]}
{"jsonrpc":"2.0","method":"rpc.message","params":{"id":"c","message":2}}
{"jsonrpc":"2.0","method":"rpc.message","params":{"id":"nobody","message":2}}
{"jsonrpc":"2.0","method":"rpc.end","params":{"id":"c","message":[3]}}
`)
	if got, want := p.line(), `{"jsonrpc":"2.0","id":"c","result":[1,2,[3]]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}

	// the credit of a stream is 64 KiB, and is given for what was read
	p.writef(`{"jsonrpc":"2.0","id":2,"method":"a.B/Collect","stream":"client"}` + "\n")
	message := fmt.Sprintf(`{"jsonrpc":"2.0","method":"rpc.message","params":{"id":2,"message":"%s"}}`+"\n", strings.Repeat("x", 32<<10))
	p.writef("%s", message)
	p.want("half the window", `{"jsonrpc":"2.0","method":"rpc.credit","params":{"id":2,"bytes":33026}}`)
	p.writef(`{"jsonrpc":"2.0","method":"rpc.end","params":{"id":2}}` + "\n")
	if got := p.line(); !strings.HasPrefix(got, `{"jsonrpc":"2.0","id":2,"result":["xxx`) {
		t.Errorf("got %.100s", got)
	}
}

func TestServer_RefusesWhoIgnoresCredit(t *testing.T) {
	stuck := make(chan struct{})
	h := methods{"a.B/Stuck": func(_ context.Context, _ *codec.Call, r codec.Responder) (any, error) {
		<-stuck
		for {
			if err := r.Recv(nil); err != nil {
				return nil, err
			}
		}
	}}
	p := dial(t, h, codec.Limits{WindowBytes: 1})
	p.writef(`{"jsonrpc":"2.0","id":1,"method":"a.B/Stuck","stream":"client"}` + "\n")
	message := fmt.Sprintf(`{"jsonrpc":"2.0","method":"rpc.message","params":{"id":1,"message":"%s"}}`+"\n", strings.Repeat("x", 32<<10))
	p.writef("%s", strings.Repeat(message, 10))
	p.writef(`{"jsonrpc":"2.0","id":2,"method":"no"}` + "\n")
	p.want("what comes behind", `{"jsonrpc":"2.0","id":2,"error":{"code":-32601}}`)
	close(stuck)
	for {
		if got := p.line(); !strings.Contains(got, "rpc.credit") {
			checkAnswer(t, "too much", got, `{"jsonrpc":"2.0","id":1,"error":{"code":-32008}}`)
			return
		}
	}
}

func TestServer_Cancel(t *testing.T) {
	p := dial(t, examples(), codec.Limits{Calls: 2})
	for i, method := range []string{"rpc.cancel", "$/cancelRequest"} {
		p.writef(`{"jsonrpc":"2.0","id":%d,"method":"a.B/Wait"}`+"\n", i)
		p.writef(`{"jsonrpc":"2.0","method":"%s","params":{"id":%d}}`+"\n", method, i)
		p.want(method, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"error":{"code":-32001}}`, i))
	}
}

func TestServer_LimitsCalls(t *testing.T) {
	p := dial(t, examples(), codec.Limits{Calls: 2})
	p.writef(`{"jsonrpc":"2.0","id":1,"method":"a.B/Wait"}` + "\n")
	p.writef(`{"jsonrpc":"2.0","id":1,"method":"a.B/Wait"}` + "\n")
	p.want("the same id", `{"jsonrpc":"2.0","id":1,"error":{"code":-32600}}`)
	p.writef(`{"jsonrpc":"2.0","method":"a.B/Wait"}` + "\n") // counts too
	p.writef(`{"jsonrpc":"2.0","id":3,"method":"get_data"}` + "\n")
	p.want("one too many", `{"jsonrpc":"2.0","id":3,"error":{"code":-32008}}`)
	p.writef(`[{"jsonrpc":"2.0","id":4,"method":"get_data"},{"jsonrpc":"2.0","id":5,"method":"get_data"}]` + "\n") // waits
	p.writef(`{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":1}}` + "\n")
	p.want("cancelled", `{"jsonrpc":"2.0","id":1,"error":{"code":-32001}}`)
	p.want("the batch", `[{"jsonrpc":"2.0","id":4,"result":["hello",5]},{"jsonrpc":"2.0","id":5,"result":["hello",5]}]`)
}

func TestServer_Drains(t *testing.T) {
	near, far := memtransport.Pipe()
	defer func() { _ = near.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	entered, leave := make(chan struct{}), make(chan struct{})
	h := methods{"a.B/Slow": func(context.Context, *codec.Call, codec.Responder) (any, error) {
		close(entered)
		<-leave
		return structpb.NewStringValue("done"), nil
	}}
	go func() { served <- jsonrpc.Format{}.Serve(ctx, far, h, codec.Config{}) }()
	p := &peer{t: t, Conn: near, in: bufio.NewReader(near)}
	p.writef(`{"jsonrpc":"2.0","id":1,"method":"a.B/Slow","meta":{}}` + "\n")
	<-entered
	cancel()
	p.want("the end of the server", `{"jsonrpc":"2.0","method":"rpc.goaway"}`)
	for i := range 100 { // draining begins a moment later
		p.writef(`{"jsonrpc":"2.0","id":%d,"method":"a.B/No"}`+"\n", i+2)
		if strings.Contains(p.line(), "-32014") {
			break
		}
	}
	close(leave)
	p.want("the call that runs", `{"jsonrpc":"2.0","id":1,"result":"done"}`)
	if _, err := near.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("reading on: %v, want io.EOF", err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
}
