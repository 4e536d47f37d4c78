<?php

declare(strict_types=1);

namespace Rekindle\Tests;

use GuzzleHttp\Client;
use GuzzleHttp\Promise\PromiseInterface;
use GuzzleHttp\Promise\Utils;
use GuzzleHttp\Psr7\Response;
use PDO;
use PHPUnit\Framework\TestCase;
use Rekindle\Session;
use Rekindle\Store\FileStore;
use Rekindle\Store\PdoStore;
use Rekindle\Tokens;
use RuntimeException;

/** Many processes with one sign-in, against a server that revokes everything if a refresh token comes twice. */
final class ProcessesTest extends TestCase
{
    private const WORKERS = 32;

    private TestServer $server;
    private string $folder;

    protected function setUp(): void
    {
        $this->folder = Servers::folder('processes');
        $this->server = new TestServer(['dialect' => 'oauth', 'rotation' => 'strict_family', 'token_latency_ms' => 50]);
    }

    protected function tearDown(): void
    {
        exec('rm -rf ' . escapeshellarg($this->folder));
    }

    public static function tearDownAfterClass(): void
    {
        Servers::stop();
    }

    /** spec 4.1 */
    public function testThirtyTwoWorkersOfPhpFpmMakeOneRefreshAndAllAreAnswered(): void
    {
        $socket = Servers::fpm(self::WORKERS);
        $tables = [$this->table("sqlite:{$this->folder}/database"), $this->table(Servers::postgres())];
        foreach ([$this->file(), ...$tables, $this->redis()] as $store) {
            $case = $this->expired($store);
            $ask = static fn (): FastCgi => FastCgi::ask($socket, __DIR__ . '/Workers/answer.php', ['case' => $case]);
            $asked = array_map($ask, range(1, self::WORKERS));
            $this->assertOneRefresh(array_map(static fn (FastCgi $one): string => $one->answer(), $asked), $store);
        }
    }

    /** spec 4.1 */
    public function testProcessesOfTheCommandLineMakeOneRefresh(): void
    {
        $case = $this->expired($this->file());
        $children = [];
        foreach (range(1, 8) as $_) {
            $child = proc_open([PHP_BINARY, __DIR__ . '/Workers/answer.php', $case], [1 => ['pipe', 'w']], $pipes);
            self::assertIsResource($child);
            $children[] = [$child, $pipes[1]];
        }
        $answers = [];
        foreach ($children as [$child, $output]) {
            $answers[] = (string) stream_get_contents($output);
            proc_close($child);
        }
        $this->assertOneRefresh($answers, 'file');
    }

    /** spec 4.1 */
    public function testWorkersOfTheBuiltInServerMakeOneRefresh(): void
    {
        $address = '127.0.0.1:' . Servers::freePort();
        $ffi = Servers::needsFfi() ? ['-d', 'ffi.enable=1'] : [];
        $command = [PHP_BINARY, ...$ffi, '-S', $address, '-t', __DIR__ . '/Workers'];
        $log = ['file', "{$this->folder}/log", 'a'];
        $server = proc_open($command, [['pipe', 'r'], $log, $log], $pipes, null, getenv() + ['PHP_CLI_SERVER_WORKERS' => '8']);
        self::assertIsResource($server);
        try {
            Servers::until(static fn (): bool => @stream_socket_client("tcp://{$address}") !== false, RuntimeException::class);
            $this->assertOneRefresh(self::answers($address, $this->expired($this->file())), 'file');
        } finally {
            // It does not end its workers.
            $main = proc_get_status($server)['pid'];
            $workers = explode(' ', trim((string) file_get_contents("/proc/{$main}/task/{$main}/children")));
            array_map(static fn (string $worker): bool => posix_kill((int) $worker, SIGTERM), $workers);
            proc_terminate($server);
            proc_close($server);
        }
    }

    /** spec 4.1 */
    public function testWorkersOfApacheMakeOneRefresh(): void
    {
        $address = Servers::apache(8, __DIR__ . '/Workers');
        $this->assertOneRefresh(self::answers($address, $this->expired('file ' . Servers::folder('apache') . '/session.json')), 'file');
    }

    /** spec 4.9 */
    public function testForkedChildrenGoOnWithTheSessionOfTheirParent(): void
    {
        $said = self::said('forks.php', $this->expired($this->file()));
        $this->assertOneRefresh(explode(' ', trim($said)), 'file');
    }

    /** A process that is told to end while the server rotates the refresh token saves the new one first. */
    public function testSigtermInMidFlightLosesNothing(): void
    {
        $store = $this->file();
        $case = $this->expired($store);
        $hold = ['match' => ['path' => '/oauth/token'], 'hold' => 'answer'];
        $this->server->play([$hold]);
        $child = proc_open([PHP_BINARY, __DIR__ . '/Workers/answer.php', $case], [1 => ['pipe', 'w']], $pipes);
        self::assertIsResource($child);
        $this->server->control('GET', '/__log?wait=2');
        proc_terminate($child, SIGTERM);
        $this->server->control('POST', '/__release', ['name' => 'answer']);
        self::assertSame('', (string) stream_get_contents($pipes[1]));
        proc_close($child);
        $this->assertOneRefresh([self::said('answer.php', $case)], $store);
    }

    public function testMaxExecutionTimeEndsNoRefreshInItsMidstAndHoldsAgainAfterwards(): void
    {
        $command = [PHP_BINARY, '-d', 'display_errors=0', __DIR__ . '/Workers/limit.php'];
        $child = proc_open($command, [1 => ['pipe', 'w'], 2 => ['file', "{$this->folder}/log", 'a']], $pipes);
        self::assertIsResource($child);
        self::assertSame("AT-2 1\n", (string) stream_get_contents($pipes[1]));
        self::assertSame(255, proc_close($child));
    }

    /** PHP ends a script whose caller is gone as soon as it prints: with new tokens in its hands. */
    public function testACallerWhoHangsUpDuringARefreshLosesNothing(): void
    {
        $this->server = new TestServer();
        $this->server->play([['match' => ['path' => '/spent'], 'hold' => 'answer', 'respond' => ['status' => 204]]]);
        $path = "{$this->folder}/session.json";
        $case = json_encode(['url' => $this->server->url, 'path' => $path], JSON_THROW_ON_ERROR);
        $caller = FastCgi::ask(Servers::fpm(self::WORKERS), __DIR__ . '/Workers/aborted.php', ['case' => $case]);
        $this->server->control('GET', '/__log?wait=1');
        $caller->hangUp();
        $this->server->control('POST', '/__release', ['name' => 'answer']);
        self::assertSame('/done?aborted=1', $this->server->control('GET', '/__log?wait=2')[1]['target']);
        $never = static fn (): Tokens => throw new RuntimeException('the tokens are there');
        $session = new Session(tokenUrl: 'https://auth.example.com/token', store: new FileStore($path), refresh: $never, alone: true);
        self::assertSame('AT-2', $session->token()->value());
    }

    /** A worker that is told to quit while the server rotates the refresh token saves the new one, and answers. */
    public function testPhpFpmThatIsToldToQuitInMidFlightLosesNothing(): void
    {
        $store = $this->file();
        $case = $this->expired($store);
        $this->server->play([['match' => ['path' => '/oauth/token'], 'hold' => 'answer']]);
        $asked = FastCgi::ask(Servers::fpm(1, 'quitting'), __DIR__ . '/Workers/answer.php', ['case' => $case]);
        $this->server->control('GET', '/__log?wait=2');
        Servers::quit('quitting');
        $this->server->control('POST', '/__release', ['name' => 'answer']);
        $this->assertOneRefresh([$asked->answer(), self::said('answer.php', $case)], $store);
    }

    /** spec 7.7 */
    public function testTheCommandAndPhpShareOneFileAndOneRefresh(): void
    {
        $case = $this->expired($this->file());
        $told = json_decode($case, true);
        $profile = "dialect = \"oauth2\"\nbase_url = \"{$told['url']}\"\ntoken_url = \"{$told['url']}/oauth/token\"\n"
            . "client_id = \"app\"\nclient_secret_env = \"CLIENT_SECRET\"\nstore = \"{$this->folder}/session.json\"\n";
        file_put_contents("{$this->folder}/rekindle.toml", "[profile.oauth]\n{$profile}");
        $environment = ['CLIENT_SECRET' => 'app-secret'] + getenv();
        $command = [(string) getenv('REKINDLE_COMMAND'), '--config', "{$this->folder}/rekindle.toml"];
        $import = proc_open([...$command, 'import'], [['pipe', 'r']], $pipes, null, $environment);
        self::assertIsResource($import);
        fwrite($pipes[0], json_encode(array_intersect_key($told, ['access_token' => 1, 'refresh_token' => 1])) ?: '');
        fclose($pipes[0]);
        self::assertSame(0, proc_close($import));
        $asks = [[...$command, 'request', '/data', '--fail'], [PHP_BINARY, __DIR__ . '/Workers/answer.php', $case]];
        $children = [];
        foreach ([...$asks, ...$asks] as $ask) {
            $child = proc_open($ask, [1 => ['pipe', 'w'], 2 => ['file', "{$this->folder}/log", 'a']], $pipes, null, $environment);
            self::assertIsResource($child);
            $children[] = [$child, $pipes[1]];
        }
        foreach ($children as [$child, $output]) {
            stream_get_contents($output);
            self::assertSame(0, proc_close($child), (string) file_get_contents("{$this->folder}/log"));
        }
        $this->assertOneRefresh([self::said('answer.php', $case)], 'file');
    }

    public function testASessionThatOutlivesTheCoreEndsInPeace(): void
    {
        $child = proc_open([PHP_BINARY, __DIR__ . '/Workers/ending.php'], [1 => ['pipe', 'w']], $pipes);
        self::assertIsResource($child);
        self::assertContains(stream_get_contents($pipes[1]), ['answered', 'ended']);
        self::assertSame(0, proc_close($child));
    }

    /**
     * What eight requests at once are answered.
     *
     * @return list<string>
     */
    private static function answers(string $address, string $case): array
    {
        $url = "http://{$address}/answer.php?" . http_build_query(['case' => $case]);
        $client = new Client(['http_errors' => false]);
        $asked = array_map(static fn (): PromiseInterface => $client->getAsync($url), range(1, 8));
        return array_map(static fn (Response $answer): string => (string) $answer->getBody(), Utils::unwrap($asked));
    }

    private static function said(string $script, string $case): string
    {
        return (string) shell_exec(implode(' ', array_map(escapeshellarg(...), [PHP_BINARY, __DIR__ . "/Workers/{$script}", $case])));
    }

    private function file(): string
    {
        return "file {$this->folder}/session.json";
    }

    private function table(string $dsn): string
    {
        (new PdoStore(static fn (): PDO => new PDO($dsn)))->createTable();
        return "pdo {$dsn}";
    }

    private function redis(): string
    {
        return 'redis ' . Servers::redis();
    }

    /** A new sign-in whose access token has expired, for `answer.php`. */
    private function expired(string $store): string
    {
        $this->server = new TestServer(['dialect' => 'oauth', 'rotation' => 'strict_family', 'token_latency_ms' => 50]);
        $signedIn = $this->server->signIn();
        $this->server->control('POST', '/__expire_all');
        return json_encode(['url' => $this->server->url, 'store' => $store] + $signedIn, JSON_THROW_ON_ERROR);
    }

    /** @param list<string> $answers */
    private function assertOneRefresh(array $answers, string $store): void
    {
        self::assertSame(array_fill(0, count($answers), '200'), $answers, $store);
        $counters = $this->server->counters();
        self::assertSame([1, 0], [$counters['refreshes'], $counters['reuses_detected']], $store);
    }
}
