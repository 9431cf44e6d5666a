package tcptransport_test

import (
	"testing"

	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/tcptransport"
	"github.com/protomicro/micro/transport/transporttest"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func TestTransport(t *testing.T) {
	transporttest.Run(t, func(*testing.T) (transport.Transport, string) { return tcptransport.Transport{}, "127.0.0.1:0" })
}
