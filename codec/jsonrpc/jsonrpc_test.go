package jsonrpc_test

import (
	"testing"

	"github.com/protomicro/micro/codec/codectest"
	"github.com/protomicro/micro/codec/internal/objectrpc/objectrpctest"
	"github.com/protomicro/micro/codec/jsoncodec"
	"github.com/protomicro/micro/codec/jsonrpc"
	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/memtransport"
	"github.com/protomicro/micro/transport/tcptransport"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func TestFormat_Mem(t *testing.T) {
	codectest.RunFormat(t, objectrpctest.Format(jsonrpc.Format{}, jsoncodec.Codec{}, memtransport.New(), "name", false))
}

func TestFormat_TCP(t *testing.T) {
	codectest.RunFormat(t, objectrpctest.Format(jsonrpc.Format{}, jsoncodec.Codec{}, tcptransport.Transport{}, "127.0.0.1:0", true))
}

func TestMatch(t *testing.T) {
	for s, want := range map[string]transport.Match{
		"": transport.More, " \r\n\t": transport.More, "{": transport.Yes, " [": transport.Yes, "\n{": transport.Yes,
		"C": transport.More, "Content": transport.More, "content-length: 1": transport.Yes, "Content-Type": transport.Yes,
		"CONN": transport.No, "GET /": transport.No, "\x89PRPC": transport.No, "1": transport.No, "\x16\x03": transport.No,
	} {
		if got := (jsonrpc.Format{}).Match([]byte(s)); got != want {
			t.Errorf("%q: got %v, want %v", s, got, want)
		}
	}
}
