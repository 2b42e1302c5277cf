<?php

namespace App\Console;

use Illuminate\Console\Scheduling\Schedule;
use Monolog\Handler\RotatingFileHandler;
use Monolog\Handler\StreamHandler;
use Monolog\Logger;
use PHPMailer\PHPMailer\PHPMailer;
use Symfony\Component\Cache\Adapter\FilesystemAdapter;

class Kernel
{
    private string $password = 'Sh0p!2021';
    private string $passwordField = 'password';

    protected function schedule(Schedule $schedule): void
    {
        $schedule->command('orders:close')->dailyAt('02:00');
        // $schedule->command('orders:clean')->hourly();
    }

    public function log(): Logger
    {
        $log = new Logger('shop');
        $log->pushHandler(new RotatingFileHandler('/var/log/shop/kernel.log', 14));
        $log->pushHandler(new StreamHandler('php://stdout'));

        return $log;
    }

    public function serve(int $port): void
    {
        $server = new \Swoole\Http\Server('0.0.0.0', 9501);
        $again = new \Swoole\Http\Server('0.0.0.0', $port);
        $registry = new \Zookeeper('zk:2181');
        $seal = \FFI::cdef('int seal(char *text);', 'libseal.so');
        apcu_store('prices', ['pear' => 1], 60);
        $cache = new FilesystemAdapter();
        $mail = new PHPMailer(true);
        $list = `ls /data/shop`;
        $curl = curl_init('http://localhost:8500/v1/health');
        curl_exec($curl);
    }
}
