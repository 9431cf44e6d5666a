package transport

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
)

// ClientTLS makes nc, dialed to addr, a TLS connection and waits for the handshake, which ends with ctx. The server's
// certificate must be valid for cfg.ServerName, or else for the host of addr; a transport whose addresses have no host,
// such as "unix" or "mem", needs cfg.ServerName. TLS is 1.2 or later. cfg may be nil and is not changed. nc is owned by
// the returned connection, and closed if there is an error.
func ClientTLS(ctx context.Context, nc net.Conn, addr string, cfg *tls.Config) (*tls.Conn, error) {
	cfg = secure(cfg)
	if cfg.ServerName == "" {
		cfg.ServerName = host(addr)
	}
	if cfg.ServerName == "" && !cfg.InsecureSkipVerify {
		_ = nc.Close()
		return nil, fmt.Errorf("transport: tls with %s: the address has no host to verify; set tls.Config.ServerName", addr)
	}
	return handshake(ctx, tls.Client(nc, cfg), addr)
}

// ServerTLS makes the accepted connection nc a TLS connection and waits for the handshake, which ends with ctx. TLS is
// 1.2 or later. cfg is not changed. nc is owned by the returned connection, and closed if there is an error.
func ServerTLS(ctx context.Context, nc net.Conn, cfg *tls.Config) (*tls.Conn, error) {
	return handshake(ctx, tls.Server(nc, secure(cfg)), nc.RemoteAddr().String())
}

func handshake(ctx context.Context, tc *tls.Conn, peer string) (*tls.Conn, error) {
	if err := tc.HandshakeContext(ctx); err != nil {
		_ = tc.Close()
		return nil, fmt.Errorf("transport: tls with %s: %w", peer, err)
	}
	return tc, nil
}

// secure returns a copy of cfg that refuses what is older than TLS 1.2.
func secure(cfg *tls.Config) *tls.Config {
	if cfg == nil {
		return &tls.Config{MinVersion: tls.VersionTLS12}
	}
	cfg = cfg.Clone()
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	return cfg
}

// host returns the host of "host:port", or "" if addr is not of that form.
func host(addr string) string {
	h, _, err := net.SplitHostPort(addr)
	if err != nil || strings.Contains(h, "/") {
		return ""
	}
	return h
}
