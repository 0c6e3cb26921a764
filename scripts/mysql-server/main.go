// Command mysql-server is the MySQL server of the tests: Dolt's engine in memory, since MySQL's own
// is in no package registry. Accounts of both kinds of password (mysql_native_password and
// caching_sha2_password), on one address with TLS and on one without.
//
//	TEST_DATABASE_PASSWORD=… mysql-server ADDRESS CERTIFICATE KEY PLAIN_ADDRESS
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"os"
	"strings"

	sqle "github.com/dolthub/go-mysql-server"
	"github.com/dolthub/go-mysql-server/memory"
	"github.com/dolthub/go-mysql-server/server"
	"github.com/dolthub/go-mysql-server/sql"
)

const (
	version = "8.0.31"
	native  = "mysql_native_password"
	sha2    = "caching_sha2_password"
)

// Keeps accounts in memory only: nothing is ever written down.
type forgetful struct{}

func (forgetful) Persist(*sql.Context, []byte) error { return nil }

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: mysql-server ADDRESS CERTIFICATE KEY PLAIN_ADDRESS")
	}
	certificate, err := tls.LoadX509KeyPair(os.Args[2], os.Args[3])
	must(err)
	provider := memory.NewDBProvider(memory.NewDatabase("app_db"))
	engine := sqle.NewDefault(provider)
	fill(engine, provider, os.Getenv("TEST_DATABASE_PASSWORD"))
	go serve(engine, provider, server.Config{Protocol: "tcp", Address: os.Args[4], Version: version})
	serve(engine, provider, server.Config{
		Protocol: "tcp", Address: os.Args[1], Version: version,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}},
	})
}

func fill(engine *sqle.Engine, provider *memory.DbProvider, password string) {
	accounts := engine.Analyzer.Catalog.MySQLDb
	accounts.SetPersister(forgetful{})
	// An account to make the others with; nobody can log in as it.
	editor := accounts.Editor()
	accounts.AddLockedSuperUser(editor, "boot", "localhost", "")
	// Otherwise the first CREATE USER waits for ever.
	editor.Close()
	quoted := "'" + strings.ReplaceAll(strings.ReplaceAll(password, `\`, `\\`), `'`, `''`) + "'"
	for user, plugin := range map[string]string{"app_user": sha2, "native_user": native} {
		run(engine, provider, fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED WITH %s BY %s", user, plugin, quoted))
	}
	run(engine, provider, "CREATE USER 'nopass_user'@'%' IDENTIFIED WITH caching_sha2_password BY ''")
	for _, user := range []string{"app_user", "native_user", "nopass_user"} {
		run(engine, provider, fmt.Sprintf("GRANT ALL ON app_db.* TO '%s'@'%%'", user))
	}
}

func run(engine *sqle.Engine, provider *memory.DbProvider, statement string) {
	client := sql.Client{User: "boot", Address: "localhost"}
	session := memory.NewSession(sql.NewBaseSessionWithClientServer("", client, 1), provider)
	ctx := sql.NewContext(context.Background(), sql.WithSession(session))
	_, rows, _, err := engine.Query(ctx, statement)
	must(err)
	_, err = sql.RowIterToRows(ctx, rows)
	must(err)
}

func serve(engine *sqle.Engine, provider *memory.DbProvider, config server.Config) {
	listener, err := server.NewServer(config, engine, sql.NewContext, memory.NewSessionBuilder(provider), nil)
	must(err)
	must(listener.Start())
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
