<?php

declare(strict_types=1);

namespace Rekindle\Store;

use Closure;
use JsonSerializable;
use PDO;
use Rekindle\Redacted;
use RuntimeException;

/**
 * Keeps records in a table, one row for each key, for all processes and machines that use the database: SQLite, PostgreSQL, MySQL. It
 * needs a connection of its own: if the application rolled back a transaction, new tokens would be lost.
 *
 *     $store = new PdoStore(static fn () => new PDO($dsn));
 *     $store->createTable();
 */
final class PdoStore implements Store, Lister, JsonSerializable
{
    use Redacted;

    private ?PDO $pdo = null;
    private int $process = 0;

    /**
     * @param Closure(): PDO $connect opens a connection; called again after a fork
     * @param string|null $identity names the database, without secrets: sessions of the same identity and settings share a state
     */
    public function __construct(
        Closure $connect,
        private readonly string $table = 'rekindle_records',
        private readonly ?string $identity = null,
    ) {
        if (preg_match('/^[A-Za-z_][A-Za-z0-9_.]*$/', $table) !== 1) {
            throw new RuntimeException('the name of the table may contain only letters, digits, _ and .: choose another name');
        }
        $this->keep($connect);
    }

    /** Creates the table, if it does not exist yet. */
    public function createTable(): void
    {
        $kind = $this->driver() === 'mysql' ? 'MEDIUMTEXT' : 'TEXT';
        $columns = "id VARCHAR(255) PRIMARY KEY, name TEXT NOT NULL, record {$kind} NOT NULL, version CHAR(16) NOT NULL";
        $this->pdo()->exec("CREATE TABLE IF NOT EXISTS {$this->table} ({$columns})");
    }

    public function load(string $key): ?Record
    {
        $found = $this->run("SELECT record, version FROM {$this->table} WHERE id = ?", [self::id($key)])->fetch(PDO::FETCH_NUM);
        return is_array($found) ? new Record((string) $found[0], (string) $found[1]) : null;
    }

    public function save(string $key, #[\SensitiveParameter] string $record, Expected $expected): ?string
    {
        $id = self::id($key);
        $version = bin2hex(random_bytes(8));
        $changed = 0;
        if ($expected->absent || $expected->anything) {
            $changed = $this->run($this->insertion(), [$id, $key, $record, $version])->rowCount();
        }
        if ($changed === 0 && $expected->anything) {
            $set = "UPDATE {$this->table} SET record = ?, version = ? WHERE id = ?";
            $changed = $this->run($set, [$record, $version, $id])->rowCount();
        }
        if ($expected->version !== null) {
            $set = "UPDATE {$this->table} SET record = ?, version = ? WHERE id = ? AND version = ?";
            $changed = $this->run($set, [$record, $version, $id, $expected->version])->rowCount();
        }
        return $changed === 1 ? $version : null;
    }

    public function keys(): array
    {
        return array_map(strval(...), $this->run("SELECT name FROM {$this->table}", [])->fetchAll(PDO::FETCH_COLUMN));
    }

    public function identity(): ?string
    {
        return $this->identity;
    }

    public function isShared(): bool
    {
        return true;
    }

    public function __debugInfo(): array
    {
        return ['table' => $this->table, 'identity' => $this->identity];
    }

    private function insertion(): string
    {
        $insertion = "{$this->table} (id, name, record, version) VALUES (?, ?, ?, ?)";
        return $this->driver() === 'mysql' ? "INSERT IGNORE INTO {$insertion}" : "INSERT INTO {$insertion} ON CONFLICT DO NOTHING";
    }

    /** @param list<string> $values */
    private function run(string $query, #[\SensitiveParameter] array $values): \PDOStatement
    {
        $pdo = $this->pdo();
        if ($pdo->inTransaction()) {
            throw new RuntimeException('a transaction is open on the connection of the store: give the store a connection of its own');
        }
        $statement = $pdo->prepare($query);
        $statement->execute($values);
        return $statement;
    }

    private function driver(): string
    {
        $name = $this->pdo()->getAttribute(PDO::ATTR_DRIVER_NAME);
        return is_string($name) ? $name : '';
    }

    private function pdo(): PDO
    {
        if ($this->pdo === null || $this->process !== getmypid()) {
            $this->pdo = ($this->kept())();
            $this->pdo->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
            $this->process = (int) getmypid();
        }
        return $this->pdo;
    }

    /** The primary key of a record: a session's key may be longer than the column. */
    private static function id(string $key): string
    {
        return strlen($key) <= 128 ? $key : 'sha256-' . hash('sha256', $key);
    }
}
