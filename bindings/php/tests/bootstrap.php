<?php

declare(strict_types=1);

// Debian's packages, where Composer has not installed any.
foreach (['Psr/Http/Message', 'Psr/Http/Client', 'GuzzleHttp', 'Symfony/Component/HttpClient', 'Illuminate/Http'] as $package) {
    require_once "{$package}/autoload.php";
}
spl_autoload_register(static function (string $class): void {
    foreach (['Rekindle\\Tests\\' => __DIR__ . '/', 'Rekindle\\' => dirname(__DIR__) . '/src/'] as $prefix => $folder) {
        $file = $folder . str_replace('\\', '/', substr($class, strlen($prefix))) . '.php';
        if (str_starts_with($class, $prefix) && is_file($file)) {
            require $file;
            return;
        }
    }
});
