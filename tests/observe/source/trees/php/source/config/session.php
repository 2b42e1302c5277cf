<?php

return [
    'driver' => env('SESSION_DRIVER', 'file'),
    'lifetime' => 120,
    'connection' => null,
    'password' => env('REDIS_PASSWORD'),
    'rules' => ['password' => 'required|min:8', 'token' => 'token'],
];
