import * as cp from 'node:child_process';
import { promises as fs } from 'node:fs';
import os from 'node:os';
import { Cron } from '@nestjs/schedule';
import { LRUCache } from 'lru-cache';
import Consul from 'consul';
import { Injectable } from '@nestjs/common';

interface Options {
  host: string;
  password: string;
}

const sessions: Map<string, Options> = new Map();
const prices = new LRUCache<string, number>({ max: 500 });
const workers = os.cpus().length;
const node = process.env.HOSTNAME ?? 'unknown';
const page = (<Window>(<unknown>globalThis)).location.hostname;
const accessKeySecret = 'J7d0fK2mQ9sL4xT1';

@Injectable()
export class Admin {
  private options: Options = { host: 'orders-db', password: process.env.DB_PASSWORD ?? '' };

  @Cron('0 30 1 * * *')
  async close(): Promise<void> {
    await fs.writeFile('/data/shop/close.txt', new Date().toISOString());
    cp.spawn('report', ['--day', 'yesterday']);
    sessions.clear();
  }

  async announce(consul: Consul): Promise<void> {
    await consul.agent.service.register({ name: 'admin', address: node });
    prices.set(page, workers + Number(this.options.host.length) + accessKeySecret.length);
  }

  // @Cron('* * * * *') was for tests
  async folder(): Promise<string> {
    return fs.mkdtemp('admin-');
  }
}
