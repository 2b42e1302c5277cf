<?php
class IndexTest { function name() { return gethostname() . exec('ls'); } }
